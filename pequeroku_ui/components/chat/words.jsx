// Figures of a conversation, in words.

export function tookWords(ms) {
  if (ms < 1000) return `${ms} ms`;
  const seconds = ms / 1000;
  return seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export const tokenWords = (count) => `${count < 1000 ? count : `${(count / 1000).toFixed(1)}k`} token${count === 1 ? "" : "s"}`;

// With what can't be seen, or turns the order of letters around, by its number: what is read is what is run.
export const visible = (text) => text.replace(/[^\P{C}\n\t]/gu, (each) => `⟨U+${each.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

// In the currency of the prices, which have no name: as many digits as it takes to see that it is not nothing.
export function costWords(cost) {
  if (!cost) return "0";
  return cost >= 0.01 ? cost.toFixed(2) : cost.toPrecision(2);
}

export function leftWords(uses, budget) {
  const questions = uses === null ? "" : `${uses.toLocaleString("en")} question${uses === 1 ? "" : "s"} left today`;
  const money = budget === null ? "" : `${costWords(budget)} left to spend`;
  return [questions, money].filter(Boolean).join(" · ");
}

const DAY_MS = 86400000;

// When a conversation was last used: the time today, else the day.
export function whenWords(at) {
  const then = new Date(at), ago = Date.now() - then.getTime();
  if (ago < DAY_MS) return then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return then.toLocaleDateString([], { day: "numeric", month: "short", ...(ago > 300 * DAY_MS && { year: "numeric" }) });
}
