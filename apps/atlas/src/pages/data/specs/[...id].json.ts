/** A model's memory layout as the planner takes it, so that a page plans without the readers of every model family. */
import { modelSpecToJson } from '@plimsoll/model-files/spec-json';
import { listModels } from '@plimsoll/registry';
import type { APIRoute, GetStaticPaths } from 'astro';
import { buildWorkbench } from '../../../workbench/build-workbench.ts';

export const getStaticPaths: GetStaticPaths = () =>
  listModels().map(({ id }) => ({ params: { id: id.toLowerCase() }, props: { model: id } }));

export const GET: APIRoute<{ model: string }> = ({ props }) =>
  new Response(modelSpecToJson(buildWorkbench.model(props.model)));
