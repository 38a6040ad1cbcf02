// CodeMirror as we use it. All of it is loaded when the first file is opened; a language, when a file needs it.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, LanguageDescription, syntaxHighlighting } from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorSelection, EditorState, Text } from "@codemirror/state";
import { crosshairCursor, drawSelection, dropCursor, EditorView, highlightActiveLine, highlightActiveLineGutter,
  highlightSpecialChars, keymap, lineNumbers, rectangularSelection } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { nameOf, shown } from "./paths.jsx";

export { EditorState, EditorView };

const MAX_SAMPLE = 20000;
// Names that a machine is full of and the list of languages does not know.
const ALSO = [
  [/^(Containerfile|Dockerfile\..+)$/, "Dockerfile"],
  [/^\.(bashrc|zshrc|profile|bash_profile|bash_aliases)$|\.zsh$/, "Shell"],
  [/^\.env(\..+)?$|\.(env|service|timer|socket)$/, "Properties files"],
  [/\.ipynb$/, "JSON"],
];
const language = new Compartment();

// Colours are classes (workspace-editor.css), so that light and dark are the stylesheet's business.
export const LOOK = [lineNumbers(), highlightSpecialChars(), syntaxHighlighting(classHighlighter), bracketMatching(), drawSelection()];
const TYPING = [
  highlightActiveLineGutter(), highlightActiveLine(), history(), foldGutter(), dropCursor(), indentOnInput(), closeBrackets(),
  autocompletion(), rectangularSelection(), crosshairCursor(), highlightSelectionMatches(), search({ top: true }),
  EditorState.allowMultipleSelections.of(true),
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, indentWithTab]),
];

// Lines end as they do in the file: where some end otherwise, all stay as they are.
export const lineEnd = (content) => (content.includes("\r\n") && !/(^|[^\r])\n|\r(?!\n)/.test(content) ? "\r\n" : "\n");

function indentOf(content) {
  const found = /^(\t|  +)\S/m.exec(content.slice(0, MAX_SAMPLE))?.[1] ?? "    ";
  return found === "\t" ? found : " ".repeat(found.length % 4 === 0 ? 4 : 2);
}

export const makeState = (content, path) => EditorState.create({
  doc: content,
  extensions: [
    EditorState.lineSeparator.of(lineEnd(content)), indentUnit.of(indentOf(content)), EditorState.tabSize.of(4), LOOK, TYPING,
    language.of([]), EditorView.clipboardInputFilter.of((text, state) => text.replace(/\r\n?|\n/g, state.lineBreak)),
    EditorView.contentAttributes.of({ "aria-label": `Text of ${shown(nameOf(path))}`, spellcheck: "false" }),
  ],
});

export async function languageOf(path) {
  const name = nameOf(path), also = ALSO.find(([names]) => names.test(name))?.[1];
  return (also ? languages.find((each) => each.name === also) : LanguageDescription.matchFilename(languages, name))?.load();
}
export const speaking = (support) => ({ effects: language.reconfigure(support) });

// Only what differs between two texts is exchanged, so that the cursor and the folds stay.
export function replacing(state, content) {
  const old = state.doc.toString(), fresh = content.split(state.lineBreak).join("\n"), shorter = Math.min(old.length, fresh.length);
  let from = 0, end = 0;
  while (from < shorter && old[from] === fresh[from]) from += 1;
  while (end < shorter - from && old[old.length - 1 - end] === fresh[fresh.length - 1 - end]) end += 1;
  return { changes: { from, to: old.length - end, insert: Text.of(fresh.slice(from, fresh.length - end).split("\n")) },
    annotations: isolateHistory.of("full") };
}

export function at(state, lineNumber, column = 1) {
  const line = state.doc.line(Math.min(Math.max(1, lineNumber), state.doc.lines));
  const place = Math.min(line.from + Math.max(0, column - 1), line.to);
  return { selection: EditorSelection.cursor(place), effects: EditorView.scrollIntoView(place, { y: "center" }) };
}

export function makeView(parent, onUpdate) {
  return new EditorView({
    parent,
    dispatchTransactions: (transactions, view) => {
      view.update(transactions);
      onUpdate(view, transactions.some((each) => each.docChanged));
    },
  });
}
