/** Sets and stores the theme that a reader chooses. The page follows the system until a reader chooses. */

/** Starlight's key, which the script in the page's head reads too (theme-provider.astro). */
const storageKey = 'starlight-theme';

export function startThemeSelect(): void {
  const systemIsLight = matchMedia('(prefers-color-scheme: light)');
  const selects = document.querySelectorAll<HTMLSelectElement>('starlight-theme-select select');
  const showTheme = (theme: string): void => {
    const system = systemIsLight.matches ? 'light' : 'dark';
    document.documentElement.dataset.theme = theme === 'auto' ? system : theme;
    for (const select of selects) select.value = theme;
  };
  systemIsLight.addEventListener('change', () => showTheme(storedTheme()));
  for (const select of selects) {
    select.addEventListener('change', () => {
      localStorage.setItem(storageKey, select.value === 'auto' ? '' : select.value);
      showTheme(select.value);
    });
  }
}

function storedTheme(): string {
  const stored = localStorage.getItem(storageKey);
  return stored === 'light' || stored === 'dark' ? stored : 'auto';
}
