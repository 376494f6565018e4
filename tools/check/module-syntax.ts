/**
 * Reads the imported names with their file, and the exported names, from a syntax node. Only this file and
 * source-syntax.ts know TypeScript's tree.
 */
import {
  isAwaitExpression,
  isCallExpression,
  isClassDeclaration,
  isEnumDeclaration,
  isExportDeclaration,
  isFunctionDeclaration,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isInterfaceDeclaration,
  isLiteralTypeNode,
  isNamedExports,
  isNamedImports,
  isObjectBindingPattern,
  isParenthesizedExpression,
  isPropertyAccessExpression,
  isStringLiteral,
  isTypeAliasDeclaration,
  isVariableDeclaration,
  isVariableStatement,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast';

/** Stands for the whole module: a namespace, or a use without names. */
export const everyName = '*';

export interface ImportedNames {
  readonly specifier: string;
  /** Names in the imported module; `default`, or `*` for all names. Empty for an import without names. */
  readonly names: readonly string[];
  readonly typeOnly: boolean;
}

/**
 * Returns the import of a node: static, re-export, dynamic with a literal, or inside a type. `parents` ends with the
 * node's own parent.
 */
export function importOf(node: Node, parents: readonly Node[]): ImportedNames | undefined {
  if (isImportDeclaration(node) && isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause?.phaseModifier === SyntaxKind.TypeKeyword;
    return { specifier: node.moduleSpecifier.text, names: clauseNames(node.importClause), typeOnly };
  }
  if (
    isExportDeclaration(node) &&
    node.moduleSpecifier !== undefined &&
    isStringLiteral(node.moduleSpecifier)
  ) {
    const clause = node.exportClause;
    const names =
      clause !== undefined && isNamedExports(clause) ? clause.elements.map(sourceName) : [everyName];
    return { specifier: node.moduleSpecifier.text, names, typeOnly: node.isTypeOnly };
  }
  if (isImportTypeNode(node) && isLiteralTypeNode(node.argument) && isStringLiteral(node.argument.literal)) {
    const name = node.qualifier === undefined ? everyName : (node.qualifier.getText().split('.')[0] ?? '');
    return { specifier: node.argument.literal.text, names: [name], typeOnly: true };
  }
  if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
    const argument = node.arguments[0];
    if (argument !== undefined && isStringLiteral(argument))
      return { specifier: argument.text, names: namesTaken(parents), typeOnly: false };
  }
  return undefined;
}

interface Named {
  readonly name: { readonly text: string };
  readonly propertyName?: { readonly text: string } | undefined;
}

/** Returns `a` of `a as b`. */
function sourceName({ name, propertyName }: Named): string {
  return (propertyName ?? name).text;
}

function clauseNames(clause: { readonly name?: Node; readonly namedBindings?: Node } | undefined): string[] {
  if (clause === undefined) return [];
  const { namedBindings } = clause;
  const own = clause.name === undefined ? [] : ['default'];
  if (namedBindings === undefined) return own;
  return [...own, ...(isNamedImports(namedBindings) ? namedBindings.elements.map(sourceName) : [everyName])];
}

/** Returns the names that `await import(...)` takes: by a pattern, by a property, or all names. */
function namesTaken(parents: readonly Node[]): readonly string[] {
  const outer = parents.findLast((node) => !isAwaitExpression(node) && !isParenthesizedExpression(node));
  if (outer === undefined) return [everyName];
  if (isPropertyAccessExpression(outer)) return [outer.name.text];
  if (!isVariableDeclaration(outer) || !isObjectBindingPattern(outer.name)) return [everyName];
  return outer.name.elements.map((element) => (element.propertyName ?? element.name)?.getText() ?? everyName);
}

/** Returns the names that a statement exports, as importers see them; `*` for all names of another module. */
export function exportsOf(statement: Node): readonly string[] {
  if (isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    if (clause === undefined) return [everyName];
    return isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : [clause.name.text];
  }
  if (!hasExportKeyword(statement)) return [];
  if (isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => {
      if (isIdentifier(name)) return [name.text];
      return isObjectBindingPattern(name)
        ? name.elements.map((element) => element.name?.getText() ?? '')
        : [];
    });
  }
  const isNamed =
    isFunctionDeclaration(statement) ||
    isClassDeclaration(statement) ||
    isInterfaceDeclaration(statement) ||
    isTypeAliasDeclaration(statement) ||
    isEnumDeclaration(statement);
  return isNamed ? [statement.name?.text ?? 'default'] : [];
}

function hasExportKeyword(node: Node): boolean {
  if (!('modifiers' in node) || !Array.isArray(node.modifiers)) return false;
  return node.modifiers.some(({ kind }: Node) => kind === SyntaxKind.ExportKeyword);
}
