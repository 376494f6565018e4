/** What stands beside every page: the kinds of pages, each by its index. */
export const navigation = [
  { label: 'Planner', link: '/planner/' },
  { label: 'Systems', link: '/docs/systems/' },
  { label: 'Glossary', link: '/docs/glossary/' },
];
