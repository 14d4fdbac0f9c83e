// What the page says, in the language of the page, with numbers and times as its reader writes them.

const language = document.documentElement.lang;
const { default: texts } = await import(`./${language}.js`);

// The reader's own variety of the page's language: en-GB, zh-TW.
const locale = navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;

export function text(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const numbers = new Intl.NumberFormat(locale);
export const number = (value) => numbers.format(value);

const day = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' };
const thisYear = new Intl.DateTimeFormat(locale, day);
const otherYear = new Intl.DateTimeFormat(locale, { ...day, year: 'numeric' });

// Milliseconds since 1970 as day and time in the reader's time zone.
export function localTime(at) {
  const isThisYear = new Date(at).getFullYear() === new Date().getFullYear();
  return (isThisYear ? thisYear : otherYear).format(at);
}

// An amount of minor units, with the currency's own number of digits.
export function money(minorUnits, currency) {
  if (minorUnits === 0) return text('free');
  try {
    const format = new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
    return format.format(minorUnits / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${currency} ${(minorUnits / 100).toFixed(2)}`; // no ISO 4217 code
  }
}

export const two = (value) => String(value).padStart(2, '0');

// A span of time that runs down: 14:59, 1:00:00.
export function span(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

// Only what differs is written: a screen reader is told of changes, not of renderings.
export function write(element, value) {
  if (element.textContent !== value) element.textContent = value;
}
