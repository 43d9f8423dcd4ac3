// Comes first in every context of authors' scripts, and gives back the one function that Callwright calls there.
// `dates` and `locale` are the texts of dates.js and locale.js, `offsets` is the JSON of what dates.js has of a time zone.
(function (clock, seed, dates, locale, offsets) {
  "use strict";
  const { parse, stringify } = JSON;
  const evaluate = eval, text = String;
  const { ownKeys, deleteProperty } = Reflect;

  // Nobody's scripts may come between an interruption and the text that it is told by.
  const { prototype } = InternalError;
  for (const [name, value] of [["name", "InternalError"], ["message", ""], ["toString", Error.prototype.toString]])
    Object.defineProperty(prototype, name, { value });
  Object.freeze(Object.defineProperty(prototype, Symbol.toPrimitive, { value: undefined }));

  // What would show the machine's own clock, or when it collects garbage.
  for (const name of ["performance", "WeakRef", "FinalizationRegistry"]) delete globalThis[name];

  // Most sessions ask for no date, so what makes one is read when the first does.
  const machine = Date;
  const setDate = (value) => Object.defineProperty(globalThis, "Date", { value, writable: true, configurable: true }).Date;
  Object.defineProperty(globalThis, "Date", {
    get: () => setDate(evaluate(dates)(machine, () => clock, parse(offsets), () => evaluate(locale))), set: setDate, configurable: true,
  });

  Math.random = () => {
    seed = (seed + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };

  // Made outside of this function, so that a script sees nothing of it.
  const direct = evaluate("(function ($callwright) { return eval(arguments[1]); })");
  const kept = new Map();
  const bodies = new Map();
  let own;

  // A script that returns is the body of a function. On one line with it, so that lines keep their numbers.
  const runnable = (source) => {
    if (!/\breturn\b/.test(source)) return source;
    if (!bodies.has(source)) {
      let returns = false;
      try { direct(null, "throw 0;" + source); } catch (error) { returns = error instanceof SyntaxError && /\breturn\b/.test(error.message); }
      bodies.set(source, returns ? "(function () {" + source + "\n})()" : source);
    }
    return bodies.get(source);
  };

  // Run a script. `given` are the variables that it names: JSON of JSON texts by root. Answers with JSON:
  // {value, changes}, or {thrown, stack}.
  return (now, random, source, given) => {
    clock = now;
    seed = random;
    own = own || new Set(ownKeys(globalThis));
    const before = parse(given), variables = { __proto__: null };
    try {
      for (const root in before) {
        // What the last script left and nobody has changed since is the very same object.
        const left = kept.get(root), same = left && left.json === before[root];
        variables[root] = same ? left.value : parse(before[root]);
        // Numbers have more than one form in JSON; what has changed is told by the form of here.
        if (!same) before[root] = stringify(variables[root]);
      }
      const value = stringify(direct(variables, runnable(source)));
      const changes = [];
      for (const root in { __proto__: null, ...before, ...variables }) {
        const json = stringify(variables[root]) || "null";
        kept.set(root, { json, value: variables[root] });
        if (json !== before[root]) changes.push(stringify(root) + ":" + json);
      }
      return `{"value":${value || "null"},"changes":{${changes.join(",")}}}`;
    } catch (error) {
      let thrown = "Error", stack = "";
      try { thrown = text(error); stack = text(error.stack); } catch { }
      return stringify({ thrown, stack });
    } finally {
      for (const name of ownKeys(globalThis)) if (!own.has(name)) deleteProperty(globalThis, name);
    }
  };
})
