// toLocaleDateString and its like, for the languages that prompts are spoken in; in any other language a date is
// 2024-03-07 and a time 14:05:00. Given are dates whose UTC fields are to be shown. Of the options are read: weekday,
// day, month ("long" is a word), year, hour, minute, second, hour12, dateStyle and timeStyle.
(() => {
  "use strict";
  const pad = (number) => (number < 10 ? "0" : "") + number;
  const some = (pieces, between) => pieces.filter((piece) => piece !== "").join(between);
  const NAMES = {
    en: ["Sunday Monday Tuesday Wednesday Thursday Friday Saturday", "January February March April May June July August September October November December"],
    de: ["Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"],
    es: ["domingo lunes martes miércoles jueves viernes sábado", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"],
    fr: ["dimanche lundi mardi mercredi jeudi vendredi samedi", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"],
  };
  // With numbers, and with the month as a word. A piece that is not wanted is empty.
  const FORMS = {
    "en-US": [(d, m, y) => some([m, d, y], "/"), (d, m, y) => some([some([m, d], " "), y], ", "), ", "],
    en: [(d, m, y) => some([d && pad(d), m && pad(m), y], "/"), (d, m, y) => some([d, m, y], " "), " "],
    de: [(d, m, y) => some([d, m, y], "."), (d, m, y) => some([d && d + ".", m, y], " "), ", "],
    es: [(d, m, y) => some([d, m, y], "/"), (d, m, y) => some([d, m, y], " de "), ", "],
    fr: [(d, m, y) => some([d && pad(d), m && pad(m), y], "/"), (d, m, y) => some([d, m, y], " "), " "],
  };
  const STYLES = {
    full: { weekday: "long", day: "numeric", month: "long", year: "numeric" }, long: { day: "numeric", month: "long", year: "numeric" },
  };
  const ALL = { day: "numeric", month: "numeric", year: "numeric" };

  const toLocaleDateString = (at, language, options) => {
    const tag = language === undefined ? "en-US" : String(language);
    const names = NAMES[tag.slice(0, 2)];
    if (!names) return at.toISOString().slice(0, -14);
    let wanted = STYLES[options.dateStyle] || options;
    if (!wanted.weekday && !wanted.day && !wanted.month && !wanted.year) wanted = ALL;
    const [numbers, words, between] = FORMS[tag] || FORMS[tag.slice(0, 2)];
    const long = wanted.month === "long";
    const month = long ? names[1].split(" ")[at.getUTCMonth()] : at.getUTCMonth() + 1;
    const date = (long ? words : numbers)(wanted.day ? at.getUTCDate() : "", wanted.month ? month : "", wanted.year ? at.getUTCFullYear() : "");
    return some([wanted.weekday ? names[0].split(" ")[at.getUTCDay()] : "", date], between);
  };
  const toLocaleTimeString = (at, language, options) => {
    const twelve = options.hour12 === undefined ? language === undefined || language === "en-US" : options.hour12;
    const short = options.timeStyle === "short" || ((options.hour || options.minute) && !options.second);
    const hours = at.getUTCHours(), rest = at.toISOString().slice(-11, short ? -8 : -5);
    return twelve ? `${hours % 12 || 12}${rest} ${hours < 12 ? "AM" : "PM"}` : pad(hours) + rest;
  };
  const toLocaleString = (at, language, options) =>
    toLocaleDateString(at, language, options) + ", " + toLocaleTimeString(at, language, options);
  return { toLocaleDateString, toLocaleTimeString, toLocaleString };
})()
