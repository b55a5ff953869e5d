/** Reads TypeScript just well enough to tell code from comments, texts, templates and regular expressions. */

/** A file without what is not code. */
export interface Source {
  /** Comments are blank, every text is `"k"` with its place in {@linkcode texts}, and so is every template. */
  readonly code: string;
  readonly texts: readonly string[];
}

/** What a file names in an import, an export or a `require`. */
export interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** In order of trial: comments, texts, a template up to its end or next `${`, regular expressions. */
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const TEXT = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y;
const TEMPLATE = /(?:\\[^]|\$(?!\{)|[^`\\$])*(`|\$\{)/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;

/** After these a slash starts a regular expression; after a value it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+*%<>~^-]|\b(?:return|typeof|case|of|in))\s*$/;

/** Code inside `${}` of a template is kept. */
export function readSource(text: string): Source {
  const texts: string[] = [];
  let code = "", at = 0;
  /** Braces open inside each template that is open. */
  const depths: number[] = [];
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const keep = (content: string) => code += `"${texts.push(content) - 1}"`;
  const template = () => {
    const part = match(TEMPLATE);
    if (!part) throw new Error(`a template does not end: ${text.slice(at, at + 40)}`);
    keep(part[0].slice(0, -part[1]!.length));
    if (part[1] === "${") {
      depths.push(0);
      code += "+(";
    }
  };
  while (at < text.length) {
    const character = text[at]!;
    let found: RegExpExecArray | null;
    if (match(COMMENT)) code += " ";
    else if ((found = match(TEXT))) keep(found[0].slice(1, -1));
    else if (character === "/" && BEFORE_REGEX.test(code) && (found = match(REGEX))) keep(found[0]);
    else {
      at++;
      if (character === "`") {
        template();
        continue;
      }
      const innermost = depths.length - 1;
      if (character === "{" && innermost >= 0) depths[innermost]!++;
      if (character === "}" && innermost >= 0 && depths[innermost]!-- === 0) {
        depths.pop();
        code += ")+";
        template();
      } else code += character;
    }
  }
  return { code, texts };
}

/** Everything a file imports by a text that is written out. */
export function importsOf({ code, texts }: Source): Import[] {
  const found: Import[] = [];
  const statement =
    /\b(?:import|export)\s+(type\s+)?(?:[\w$*\s,{}]+?\s*from\s*)?"(\d+)"|\b(?:import|require|resolve)\s*\(\s*"(\d+)"\s*\)/g;
  for (const [, type, plain, called] of code.matchAll(statement)) {
    found.push({ specifier: texts[Number(plain ?? called)]!, typeOnly: type !== undefined });
  }
  return found;
}
