// Markdown as GitHub has it. Raw HTML in it is shown as text, and addresses that could run something are left out.
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

export const toHtml = (text) => micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] });
