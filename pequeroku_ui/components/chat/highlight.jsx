// Colours of code, by the editor's own languages. Loaded when the first code is shown.
import { LanguageDescription } from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import { classHighlighter, highlightCode } from "@lezer/highlight";

// Pieces [text, classes] of a text; null where the language is not known.
export async function coloured(text, name) {
  const found = LanguageDescription.matchLanguageName(languages, name, true) ?? LanguageDescription.matchFilename(languages, `x.${name}`);
  if (!found) return null;
  const { language } = await found.load();
  const pieces = [];
  highlightCode(text, language.parser.parse(text), classHighlighter, (words, classes) => pieces.push([words, classes]), () => pieces.push(["\n", ""]));
  return pieces;
}
