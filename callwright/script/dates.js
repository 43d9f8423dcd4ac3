// Date by the session's clock, in the application's time zone. QuickJS's own, `UTC`, has the machine's, and no Intl.
// `offsets` are [[milliseconds since 1970 from which it holds, milliseconds east of UTC], ...], the first from ever.
(function (UTC, clock, offsets, locale) {
  "use strict";
  const DAY_MS = 86400000;
  const { prototype } = UTC;
  const value = prototype.valueOf;
  const pad = (number) => (number < 10 ? "0" : "") + number;

  const offset = (at) => {
    let low = 0, high = offsets.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (offsets[middle][0] <= at) low = middle; else high = middle;
    }
    return offsets[low][1];
  };
  // A date whose UTC fields are the local fields of a moment.
  const local = (at) => new UTC(at === at ? at + offset(at) : at);
  // The moment of local fields. In an hour that comes twice it is the first; one that is left out counts on from the last.
  const moment = (fields) => {
    if (fields !== fields) return fields;
    const before = offset(fields - DAY_MS), after = offset(fields + DAY_MS);
    return offset(fields - before) !== before && offset(fields - after) === after ? fields - after : fields - before;
  };
  const parsed = (text) => {
    const named = /^[+-]?\d{4,6}(-\d\d(-\d\d)?)?$|(Z|GMT|UTC?|[ECMP][SD]T|[+-]\d\d:?\d\d)\s*(\(.*\))?$/i.test(text);
    return named ? UTC.parse(text) : moment(UTC.parse(text + (/^[+-]?\d{4,6}-\d\d-\d\dT/.test(text) ? "Z" : " UTC")));
  };

  function SessionDate(...given) {
    if (!new.target) return new SessionDate().toString();
    let at = given.length ? given : [clock()];
    if (given.length > 1) at = [moment(UTC.UTC(...given))];
    else if (typeof given[0] === "string") at = [parsed(given[0])];
    return Reflect.construct(UTC, at, new.target);
  }

  const methods = {
    constructor: SessionDate,
    getTimezoneOffset() { const at = value.call(this); return at === at ? -offset(at) / 60000 : at; },
    getYear() { return this.getFullYear() - 1900; },
    setYear(year) { return this.setFullYear(year >= 0 && year <= 99 ? 1900 + Math.trunc(year) : year); },
    toDateString() {
      const at = value.call(this);
      return at === at ? local(at).toUTCString().replace(/^(\w+), (\d+) (\w+) (-?\d+).*/, "$1 $3 $2 $4") : "Invalid Date";
    },
    toTimeString() {
      const at = value.call(this), minutes = Math.abs(offset(at)) / 60000;
      if (at !== at) return "Invalid Date";
      return local(at).toISOString().slice(-13, -5) + (offset(at) < 0 ? " GMT-" : " GMT+") + pad(Math.trunc(minutes / 60)) + pad(minutes % 60);
    },
    toString() {
      const at = value.call(this);
      return at === at ? methods.toDateString.call(this) + " " + methods.toTimeString.call(this) : "Invalid Date";
    },
  };
  for (const field of ["FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds", "Milliseconds"]) {
    const get = prototype["getUTC" + field], set = prototype["setUTC" + field];
    methods["get" + field] = function () { return get.call(local(value.call(this))); };
    if (set) methods["set" + field] = function (...given) {
      const at = value.call(this), changed = at === at ? local(at) : new UTC(field === "FullYear" ? 0 : at);
      set.apply(changed, given);
      return this.setTime(moment(changed.getTime()));
    };
  }
  // The words of languages are read when they are first wanted: most sessions never do.
  let shown;
  for (const name of ["toLocaleDateString", "toLocaleTimeString", "toLocaleString"]) {
    methods[name] = function (language, options) {
      const at = value.call(this);
      shown = shown || locale();
      return at === at ? shown[name](local(at), language, options || {}) : "Invalid Date";
    };
  }
  for (const name in methods)
    Object.defineProperty(prototype, name, { value: methods[name], writable: true, configurable: true });
  SessionDate.prototype = prototype;
  for (const [name, method] of [["now", clock], ["parse", (text) => parsed(String(text))], ["UTC", UTC.UTC]])
    Object.defineProperty(SessionDate, name, { value: method, writable: true, configurable: true });
  return SessionDate;
})
