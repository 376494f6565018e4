/** The first view of the interactive picture: all of it if the letters stay readable, else its upper left corner. */

export interface FirstView {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
  /** Height of the pane that shows the picture from head to foot, in pixels. */
  readonly paneHeight: number;
}

/** The smallest letters have 14 pixels at zoom 1; below 13 they are hard to read. */
const zoomMin = 13 / 14;
/** A larger zoom takes room and shows no more. */
const zoomMax = 1.15;
/** Around the picture, and below it for the buttons to zoom. */
const marginPixels = 6;
const buttonsPixels = 44;

export function firstView(
  picture: { readonly width: number; readonly height: number },
  paneWidth: number,
): FirstView {
  const room = paneWidth - 2 * marginPixels;
  const zoom = Math.min(zoomMax, Math.max(zoomMin, room / picture.width));
  return {
    zoom,
    x: Math.max(marginPixels, (paneWidth - picture.width * zoom) / 2),
    y: marginPixels,
    paneHeight: Math.ceil(picture.height * zoom + marginPixels + buttonsPixels),
  };
}
