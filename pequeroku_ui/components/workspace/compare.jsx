// Two texts side by side, theirs and mine; mine can still be changed, and pieces of theirs taken over.
import { MergeView } from "@codemirror/merge";
import { EditorState, EditorView, languageOf, lineEnd, LOOK } from "./code.jsx";

export async function compareTexts(parent, { path, theirs, mine, mineEnd }) {
  const language = await languageOf(path).catch(() => undefined);
  const made = (label, content, end, isFixed) => ({
    doc: content,
    extensions: [LOOK, language ?? [], EditorState.lineSeparator.of(end), EditorView.lineWrapping, EditorView.editable.of(!isFixed),
      EditorState.readOnly.of(isFixed), EditorView.contentAttributes.of({ "aria-label": label, ...(isFixed && { tabindex: "0" }) })],
  });
  const view = new MergeView({ parent, a: made("In the machine", theirs, lineEnd(theirs), true), b: made("Yours", mine, mineEnd, false),
    revertControls: "a-to-b", collapseUnchanged: { margin: 3 }, gutter: true });
  return { mine: () => view.b.state.sliceDoc(), stop: () => view.destroy() };
}
