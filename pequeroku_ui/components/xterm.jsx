// An xterm.js as all of ours are: its letters, its colours in light and dark, and what it may do.
import { Terminal } from "@xterm/xterm";
import { FitAddon } from "@xterm/addon-fit";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { ClipboardAddon } from "@xterm/addon-clipboard";
import "@xterm/xterm/css/xterm.css";

const FONT = 'ui-monospace, SFMono-Regular, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const DARK = {
  background: "#0d1313", foreground: "#e1eae8", cursor: "#2fc4ab", cursorAccent: "#0d1313",
  selectionBackground: "#2fc4ab55", black: "#2a3434", red: "#ff7b80", green: "#5fd38d", yellow: "#e8c268",
  blue: "#7ab7ff", magenta: "#d4a1ff", cyan: "#4bd3d9", white: "#cdd8d6", brightBlack: "#84938f",
  brightRed: "#ff9ea2", brightGreen: "#86e5ab", brightYellow: "#f4d68c", brightBlue: "#a3cdff",
  brightMagenta: "#e3c2ff", brightCyan: "#86e6ea", brightWhite: "#ffffff",
};
const LIGHT = {
  background: "#ffffff", foreground: "#14201f", cursor: "#0b7a6b", cursorAccent: "#ffffff",
  selectionBackground: "#0b7a6b33", black: "#14201f", red: "#b3261e", green: "#0b6b3a", yellow: "#7a5200",
  blue: "#0b57a0", magenta: "#8a2da8", cyan: "#08666f", white: "#5b6967", brightBlack: "#53615f",
  brightRed: "#c42b30", brightGreen: "#0b7a4b", brightYellow: "#8a5f00", brightBlue: "#0b62a8",
  brightMagenta: "#9a36b8", brightCyan: "#0a7480", brightWhite: "#3a4745",
};
const isDark = () => document.documentElement.classList.contains("dark");

export function makeTerminal(host, options = {}) {
  const term = new Terminal({
    allowProposedApi: true, cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches, fontFamily: FONT,
    fontSize: 14, lineHeight: 1.15, scrollback: 10000, theme: isDark() ? DARK : LIGHT, macOptionIsMeta: true,
    minimumContrastRatio: 4.5, ...options,
  });
  const fit = new FitAddon();
  const search = new SearchAddon();
  const drawn = { replays: 0 }; // how many replays are being drawn: what is old must not act a second time
  term.loadAddon(fit);
  term.loadAddon(search);
  term.loadAddon(new WebLinksAddon((event, uri) => window.open(uri, "_blank", "noopener,noreferrer")));
  term.loadAddon(new Unicode11Addon());
  // Programs may put text on the clipboard (OSC 52), where one types to them; they may never read it.
  if (!options.disableStdin) term.loadAddon(new ClipboardAddon(undefined, {
    readText: async () => "", writeText: async (selection, text) => { if (!drawn.replays) await navigator.clipboard?.writeText(text); },
  }));
  term.unicode.activeVersion = "11";
  term.open(host);
  return { term, fit, search, drawn };
}

// Its colours are the page's; returns what ends that.
export function followTheme(term) {
  const themes = new MutationObserver(() => { term.options.theme = isDark() ? DARK : LIGHT; });
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return () => themes.disconnect();
}
