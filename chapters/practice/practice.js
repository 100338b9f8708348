/* The practice pages: filters of the question bank, clock and score of the mock interview.
   Both pages can be read without this script; it builds on their HTML, needs no library and no network. */
(() => {
  "use strict";

  const LEVELS = ["junior", "senior", "staff"];
  const SCORES = ["very weak", "weak", "fair", "strong", "very strong"];
  const MINUTE = 60_000;

  /** An element; attributes that start with "on" are listeners, false and null ones are left out. */
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child != null && child !== false));
    return node;
  }

  const text = (node) => node.textContent.replace(/\s+/g, " ").trim();
  const button = (label, onclick, attributes = {}) => el("button", { type: "button", onclick, ...attributes }, label);

  /** A control under its label. */
  function field(label, control) {
    control.id = `practice-${label.toLowerCase().replace(/\W+/g, "-")}`;
    return el("div", { class: "practice-field" }, el("label", { for: control.id }, label), control);
  }

  /** A line that screen readers speak when it changes. */
  function status(attributes = {}) {
    return el("p", { role: "status", class: "practice-status", ...attributes });
  }

  /** Move the keyboard, and what is read next, to a node. */
  function focusOn(node, block = "nearest") {
    node.tabIndex = -1;
    node.focus({ preventScroll: true });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    node.scrollIntoView({ block, behavior: still ? "auto" : "smooth" });
  }

  /* The question bank */

  function questionBank(root) {
    const articles = [...root.querySelectorAll("article.question")];
    const sections = [...root.querySelectorAll("section.topic")];
    const words = new Map(articles.map((article) => [article, text(article).toLowerCase()]));
    const count = status();
    const none = el("p", { hidden: true }, "No question fits. ", button("Clear the filters", clear));

    const option = (value, label = value) => el("option", { value }, label);
    const select = (name, options) => el("select", { name, onchange: show }, option("", `every ${name}`), options);
    const kinds = [...new Set(articles.map((article) => article.dataset.kind))].sort();
    const topics = sections.map((section) => option(section.dataset.topic, text(section.querySelector("h3"))));
    let waiting;
    const later = () => { clearTimeout(waiting); waiting = setTimeout(show, 150); };
    const form = el(
      "form",
      { role: "search", class: "practice-controls", "aria-label": "Filter the questions", onsubmit: (event) => { event.preventDefault(); show(); } },
      field("Topic", select("topic", topics)),
      field("Level", select("level", LEVELS.map((level) => option(level)))),
      field("Kind", select("kind", kinds.map((kind) => option(kind)))),
      field("Words", el("input", { type: "search", name: "words", oninput: later, autocomplete: "off" })),
      el("div", { class: "practice-buttons" },
        button("Draw one", draw), button("Close all answers", () => articles.forEach((article) => answer(article, false)))),
    );
    root.prepend(form, count, none);

    function answer(article, open) {
      article.querySelector("details").open = open;
    }

    function show() {
      const { topic, level, kind, words: sought } = Object.fromEntries(new FormData(form));
      const terms = sought.toLowerCase().split(/\s+/).filter(Boolean);
      for (const article of articles) {
        article.hidden = Boolean(
          (topic && article.closest("section").dataset.topic !== topic) ||
          (level && article.dataset.level !== level) ||
          (kind && article.dataset.kind !== kind) ||
          !terms.every((term) => words.get(article).includes(term)));
      }
      for (const section of sections) section.hidden = !section.querySelector("article:not([hidden])");
      const shown = articles.filter((article) => !article.hidden).length;
      none.hidden = shown > 0;
      count.textContent = `${shown} of ${articles.length} questions`;
    }

    function clear() {
      form.reset();
      show();
      form.elements.words.focus();
    }

    function draw() {
      const shown = articles.filter((article) => !article.hidden);
      if (!shown.length) return;
      const drawn = shown[Math.floor(Math.random() * shown.length)];
      answer(drawn, false);
      focusOn(drawn);
      drawn.scrollIntoView({ block: "center" });
    }

    /** Open the question that the address names, whatever the filters say. */
    function follow() {
      const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!named || !root.contains(named)) return;
      if (named.hidden || named.closest("[hidden]")) { form.reset(); show(); }
      if (named.matches("article")) { answer(named, true); focusOn(named); }
      named.scrollIntoView({ block: "start" });
    }

    show();
    follow();
    addEventListener("hashchange", follow);
  }

  /* The mock interview */

  const KEY = "ml-system-design-measured/mock-interview";
  const SEEN = `${KEY}/seen`; // the time at which a running clock was last alive
  const GONE = 10 * MINUTE; // a page that was closed for longer does not count as interview

  /** localStorage, which a browser may refuse. */
  const store = {
    read(key) { try { return localStorage.getItem(key); } catch { return null; } },
    write(key, value) { try { localStorage.setItem(key, value); return true; } catch { return false; } },
    remove(key) { try { localStorage.removeItem(key); } catch { /* nothing is stored then */ } },
  };

  /** 125000 -> "2:05" */
  function clock(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  function mockInterview(root) {
    const steps = [...root.querySelectorAll("ol.step-list > li")].map((item) => ({
      name: item.dataset.step, budget: Number(item.dataset.minutes) * MINUTE, task: text(item.querySelector(".task")),
    }));
    const total = steps.reduce((sum, step) => sum + step.budget, 0);
    const cards = new Map([...root.querySelectorAll("section.prompt")].map((section) => [section.dataset.prompt, section]));
    const rubric = [...root.querySelectorAll("section.dimension")];
    const title = (prompt) => text(cards.get(prompt).querySelector("h3"));
    const links = (section) => [...section.querySelectorAll(`.chapters:not([data-level]) a, .chapters[data-level="${state.level}"] a`)];

    const notice = el("p", { class: "practice-notice", role: "alert", hidden: true });
    const said = status();
    const stage = el("div", { class: "interview-stage" });
    const plain = el("details", { class: "interviewer-cards" },
      el("summary", {}, "All cards and the rubric, for an interviewer of flesh and blood"));
    plain.append(...root.childNodes);
    root.append(notice, said, stage, plain);

    let state = load();
    let parts = {}; // what the clock rewrites every second
    let spoken = new Set();

    function fresh(prompt, level) {
      const zeros = steps.map(() => 0);
      return {
        version: 1, prompt, level, phase: "run", begun: Date.now(), step: 0, since: Date.now(),
        used: zeros, hints: [...zeros], notes: steps.map(() => ""), asked: [], followUps: 0, scores: {},
      };
    }

    /** True if a stored state is one that this page can have written. */
    function sound(stored) {
      const count = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
      const perStep = (list, check) => Array.isArray(list) && list.length === steps.length && list.every(check);
      return Boolean(stored) && stored.version === 1 && cards.has(stored.prompt) && LEVELS.includes(stored.level) &&
        ["run", "score", "summary"].includes(stored.phase) && count(stored.begun) &&
        Number.isInteger(stored.step) && stored.step >= 0 && stored.step < steps.length &&
        (stored.since === null || count(stored.since)) && perStep(stored.used, count) && perStep(stored.hints, count) &&
        perStep(stored.notes, (note) => typeof note === "string") && count(stored.followUps) &&
        Array.isArray(stored.asked) && stored.asked.every(count) &&
        Boolean(stored.scores) && typeof stored.scores === "object" &&
        Object.values(stored.scores).every((score) => SCORES[score - 1] !== undefined) &&
        (stored.phase !== "summary" || rubric.every((part) => stored.scores[part.dataset.dimension]));
    }

    /** The stored interview, or null. What cannot be read is set aside under another key, and said so. */
    function load() {
      const raw = store.read(KEY);
      if (raw === null) return null;
      let stored = null;
      try { stored = JSON.parse(raw); } catch { /* not sound */ }
      if (!sound(stored)) {
        const aside = `${KEY}/set-aside/${Date.now()}`;
        const kept = store.write(aside, raw);
        if (kept) store.remove(KEY);
        tell(kept
          ? `The progress stored in this browser could not be read. It was set aside, not deleted: you find it in this browser's storage under “${aside}”. You can begin a new interview.`
          : "The progress stored in this browser could not be read, and there was no room to set it aside. It is replaced when you begin a new interview.");
        return null;
      }
      const seen = Number(store.read(SEEN)) || stored.since;
      if (stored.since !== null && Date.now() - seen > GONE) {
        stored.used[stored.step] += Math.max(0, seen - stored.since);
        stored.since = null;
        tell("The page was closed for more than ten minutes, so the clock was stopped when it closed. Resume when you are ready.");
      }
      return stored;
    }

    function save() {
      if (state) {
        if (!store.write(KEY, JSON.stringify(state))) {
          tell("This browser does not store anything for this page: the interview works, but a reload loses it.");
        }
        store.write(SEEN, String(Date.now()));
      } else {
        store.remove(KEY);
        store.remove(SEEN);
      }
    }

    function tell(message) {
      notice.textContent = message;
      notice.hidden = !message;
    }

    function used(step) {
      const running = state.since !== null && state.step === step ? Math.max(0, Date.now() - state.since) : 0;
      return state.used[step] + running;
    }

    const usedInAll = () => steps.reduce((sum, _, step) => sum + used(step), 0);

    /** Book the time since the last change on the current step. */
    function settle(running = state.since !== null) {
      state.used[state.step] = used(state.step);
      state.since = running ? Date.now() : null;
    }

    function change(alter, { focus = "h3" } = {}) {
      alter();
      save();
      render();
      if (focus) focusOn(stage.querySelector(focus), "start");
    }

    function begin(prompt, level) {
      tell("");
      spoken = new Set();
      change(() => { state = fresh(prompt, level); });
    }

    function goTo(step) {
      change(() => { settle(); state.step = step; }, { focus: "h4" });
    }

    function setPhase(phase) {
      change(() => { settle(false); state.phase = phase; });
    }

    function discard() {
      if (!confirm("Delete this interview from the browser: times, notes and scores?")) return;
      tell("");
      change(() => { state = null; });
    }

    /* Stages */

    function choosing() {
      const choice = el("form", { class: "practice-controls", onsubmit: (event) => {
        event.preventDefault();
        const { prompt, level } = Object.fromEntries(new FormData(choice));
        begin(prompt || [...cards.keys()][Math.floor(Math.random() * cards.size)], level);
      } },
        field("Prompt", el("select", { name: "prompt" },
          el("option", { value: "" }, "drawn for me"),
          [...cards.keys()].map((prompt) => el("option", { value: prompt }, title(prompt))))),
        field("Level", el("select", { name: "level" },
          LEVELS.map((level) => el("option", { value: level, selected: level === "senior" }, level)))),
        el("div", { class: "practice-buttons" }, el("button", { class: "main" }, "Start the interview")));
      return [
        el("h3", {}, "Choose"),
        choice,
        el("p", {}, `The clock starts at once and counts to ${total / MINUTE} minutes. Times, notes and scores are kept in this browser only; nothing is sent anywhere.`),
      ];
    }

    function stepButtons() {
      parts.steps = steps.map((step, index) => {
        const time = el("span", { class: "time" });
        const current = index === state.step;
        const go = button("", () => goTo(index), { "aria-current": current && "step" });
        go.append(el("span", {}, `${index + 1} ${step.name}`), time);
        return { time, item: el("li", {}, go) };
      });
      return el("ol", { class: "interview-steps", "aria-label": "Steps and the time used" }, parts.steps.map(({ item }) => item));
    }

    /** A list that grows by one item on each press of a button. */
    function revealed(items, shown, name, reveal) {
      const list = el("ol", { "aria-live": "polite" }, items.slice(0, shown).map((item) => el("li", {}, item)));
      const label = () => (shown < items.length ? `${name} (${shown + 1} of ${items.length})` : `No more: ${items.length} of ${items.length} shown`);
      const more = button(label(), () => {
        if (shown === items.length) return;
        list.append(el("li", {}, items[shown]));
        shown += 1;
        reveal(shown);
        more.textContent = label();
        more.setAttribute("aria-disabled", String(shown === items.length));
        save();
      }, { "aria-disabled": String(shown === items.length) });
      return el("div", { class: "revealed" }, list, more);
    }

    function running() {
      const card = cards.get(state.prompt);
      const step = steps[state.step];
      const last = state.step === steps.length - 1;
      const hints = [...card.querySelectorAll(`.hints[data-step="${step.name}"] li`)].map(text);
      const followUps = [...card.querySelectorAll(`[data-level="${state.level}"] .follow-ups li`)].map(text);
      const names = [...card.querySelectorAll(".constraints dt")];
      const notes = el("textarea", { rows: 4, oninput: () => { state.notes[state.step] = notes.value; save(); } });
      notes.value = state.notes[state.step];
      parts.clock = el("p", { class: "interview-clock", role: "timer", "aria-label": "Time used in all" });
      parts.bar = el("progress", { max: total, "aria-hidden": "true" });
      const pause = button(state.since === null ? "Resume" : "Pause", () => {
        settle(state.since === null);
        pause.textContent = state.since === null ? "Resume" : "Pause";
        said.textContent = state.since === null ? "The clock is stopped." : "The clock runs.";
        save();
        tick();
      });
      return [
        el("h3", {}, `${title(state.prompt)}, ${state.level}`),
        el("blockquote", {}, el("p", {}, text(card.querySelector(".opening")))),
        parts.clock,
        parts.bar,
        el("div", { class: "practice-buttons" }, pause,
          last ? null : button("Next step", () => goTo(state.step + 1), { class: "main" }),
          button("Finish and score", () => setPhase("score"), { class: last && "main" })),
        stepButtons(),
        el("section", { class: "interview-step", "aria-label": step.name },
          el("h4", {}, `${state.step + 1} of ${steps.length}: ${step.name}, ${step.budget / MINUTE} minutes`),
          el("p", {}, step.task),
          field(`Your notes for ${step.name}`, notes),
          revealed(hints, state.hints[state.step], "Give me a hint", (shown) => { state.hints[state.step] = shown; })),
        el("section", { class: "interview-asked" },
          el("h4", {}, "What the interviewer tells when asked"),
          el("p", {}, "Ask aloud first. Open only what you have asked about."),
          names.map((name, index) => el("details", { open: state.asked.includes(index), ontoggle: (event) => {
            if (event.target.open && !state.asked.includes(index)) { state.asked.push(index); save(); }
          } }, el("summary", {}, text(name)), el("p", {}, text(name.nextElementSibling))))),
        el("section", {},
          el("h4", {}, "The interviewer turns the knob"),
          el("p", {}, "Best after Model, when a whole design is on the table."),
          revealed(followUps, state.followUps, "Ask me a follow-up", (shown) => { state.followUps = shown; })),
        el("div", { class: "practice-buttons" }, button("Delete this interview", discard)),
      ];
    }

    function scoring() {
      const lookFor = [...cards.get(state.prompt).querySelectorAll(`[data-level="${state.level}"] .look-for li`)];
      const missing = el("p", { role: "alert", class: "practice-notice", hidden: true });
      const form = el("form", { class: "interview-scores", novalidate: true, onsubmit: (event) => {
        event.preventDefault();
        const unscored = rubric.find((part) => !state.scores[part.dataset.dimension]);
        if (!unscored) { setPhase("summary"); return; }
        missing.textContent = `${text(unscored.querySelector("h3"))} is not scored yet.`;
        missing.hidden = false;
        form.querySelector(`[name="${unscored.dataset.dimension}"]`).focus();
      } },
        rubric.map((part) => {
          const name = part.dataset.dimension;
          const cells = [...part.querySelectorAll(`td[data-level="${state.level}"]`)];
          return el("fieldset", {}, el("legend", {}, text(part.querySelector("h3"))),
            SCORES.map((label, index) => el("label", {},
              el("input", { type: "radio", name, value: index + 1, checked: state.scores[name] === index + 1,
                onchange: () => { state.scores[name] = index + 1; missing.hidden = true; save(); } }),
              el("span", {}, el("strong", {}, label), `: ${text(cells[index])}`))));
        }),
        missing,
        el("div", { class: "practice-buttons" },
          el("button", { class: "main" }, "Show the summary"),
          button("Back to the interview", () => setPhase("run")),
          button("Delete this interview", discard)));
      return [
        el("h3", {}, `Score yourself: ${title(state.prompt)}, ${state.level}`),
        el("p", {}, "Score what you said, not what you know. What to look for in this case at this level:"),
        el("ul", {}, lookFor.map((item) => el("li", {}, text(item)))),
        form,
      ];
    }

    /** The dimensions to work on: the lowest first, all below strong, or at least the lowest. */
    function weakest() {
      const score = (part) => state.scores[part.dataset.dimension];
      const sorted = [...rubric].sort((a, b) => score(a) - score(b));
      return sorted.filter((part) => score(part) < 4 || score(part) === score(sorted[0])).slice(0, 3);
    }

    /** How a step's time compares with its budget, in words. */
    function compared(step) {
      const over = state.used[step] - steps[step].budget;
      if (state.used[step] < 1000) return "left out";
      return over > 0 ? `over by ${clock(over)}` : "within its budget";
    }

    function summary() {
      const head = (...cells) => el("thead", {}, el("tr", {}, cells.map((cell) => el("th", { scope: "col" }, cell))));
      const row = (name, ...cells) => el("tr", {}, el("th", { scope: "row" }, name), cells.map((cell) => el("td", {}, String(cell))));
      const copies = (part) => links(part).map((link) => el("li", {}, link.cloneNode(true)));
      return [
        el("h3", {}, `Summary: ${title(state.prompt)}, ${state.level}`),
        el("p", {}, `You used ${clock(usedInAll())} of ${total / MINUTE}:00 minutes, ${state.asked.length} of the interviewer's answers and ${state.followUps} follow-ups.`),
        el("div", { class: "practice-scroll", tabindex: 0, role: "region", "aria-label": "Time by step" },
          el("table", {}, el("caption", {}, "Time by step"), head("Step", "Budget", "Used", "Verdict", "Hints"),
            el("tbody", {}, steps.map((step, index) =>
              row(step.name, clock(step.budget), clock(state.used[index]), compared(index), state.hints[index]))))),
        el("div", { class: "practice-scroll", tabindex: 0, role: "region", "aria-label": "Scores" },
          el("table", {}, el("caption", {}, "Scores"), head("Dimension", "Score", "In words"),
            el("tbody", {}, rubric.map((part) => {
              const score = state.scores[part.dataset.dimension];
              return row(text(part.querySelector("h3")), `${score} of 5`, SCORES[score - 1]);
            })))),
        el("h4", {}, "Weakest areas, and where to read"),
        weakest().map((part) => [
          el("p", {}, el("strong", {}, text(part.querySelector("h3"))), `: ${SCORES[state.scores[part.dataset.dimension] - 1]}`),
          el("ul", {}, copies(part))]),
        el("h4", {}, "Chapters behind this case"),
        el("ul", {}, copies(cards.get(state.prompt))),
        el("div", { class: "practice-buttons" },
          button("Save as Markdown", download, { class: "main" }),
          button("Change the scores", () => setPhase("score")),
          button("Delete it and choose again", discard)),
      ];
    }

    function asMarkdown() {
      const link = (a) => `- [${text(a)}](${a.href})`;
      const table = (head, rows) => [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`, ...rows.map((cells) => `| ${cells.join(" | ")} |`)];
      const notes = steps.flatMap((step, index) => (state.notes[index].trim() ? [`### ${step.name}`, "", state.notes[index].trim(), ""] : []));
      const day = new Date(state.begun);
      const date = [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
      return [
        `# Mock interview: ${title(state.prompt)}, ${state.level}`, "",
        `${date}. Used ${clock(usedInAll())} of ${total / MINUTE}:00 minutes.`, "",
        "## Time", "",
        ...table(["Step", "Budget", "Used", "Verdict", "Hints"], steps.map((step, index) =>
          [step.name, clock(step.budget), clock(state.used[index]), compared(index), state.hints[index]])), "",
        "## Scores", "",
        ...table(["Dimension", "Score", "In words"], rubric.map((part) => {
          const score = state.scores[part.dataset.dimension];
          return [text(part.querySelector("h3")), `${score} of 5`, SCORES[score - 1]];
        })), "",
        "## Weakest areas", "",
        ...weakest().flatMap((part) => [`### ${text(part.querySelector("h3"))}`, "", ...links(part).map(link), ""]),
        "## Chapters behind this case", "", ...links(cards.get(state.prompt)).map(link), "",
        ...(notes.length ? ["## Notes", "", ...notes] : []),
      ].join("\n");
    }

    function download() {
      const url = URL.createObjectURL(new Blob([asMarkdown()], { type: "text/markdown" }));
      const anchor = el("a", { href: url, download: `mock-interview-${state.prompt}-${state.level}.md` });
      root.append(anchor);
      anchor.click();
      anchor.remove();
      setTimeout(() => URL.revokeObjectURL(url), MINUTE);
      said.textContent = "The summary was saved as a Markdown file.";
    }

    function render() {
      parts = {};
      said.textContent = "";
      const stages = { run: running, score: scoring, summary };
      stage.replaceChildren(...(state ? stages[state.phase]() : choosing()).flat(2).filter(Boolean));
      plain.hidden = Boolean(state) && state.phase === "run";
      tick();
    }

    /** Say something once, when it becomes true. */
    function sayOnce(name, holds, message) {
      if (holds && !spoken.has(name)) {
        spoken.add(name);
        said.textContent = message;
      }
    }

    function tick() {
      if (!root.isConnected || !state || state.phase !== "run") return;
      const all = usedInAll();
      parts.clock.textContent = `${clock(all)} of ${total / MINUTE}:00${state.since === null ? ", stopped" : ""}`;
      parts.clock.classList.toggle("over", all > total);
      parts.bar.value = Math.min(all, total);
      parts.steps.forEach(({ time }, index) => {
        const over = used(index) > steps[index].budget;
        time.textContent = `${clock(used(index))} / ${clock(steps[index].budget)}${over ? " over" : ""}`;
        time.classList.toggle("over", over);
      });
      if (state.since === null) return;
      store.write(SEEN, String(Date.now()));
      const { name, budget } = steps[state.step];
      sayOnce(name, used(state.step) > budget, `${name} has used its ${budget / MINUTE} minutes.`);
      sayOnce("nearly", all > total - 5 * MINUTE, "Five minutes are left.");
      sayOnce("over", all > total, `${total / MINUTE} minutes are over. Finish the sentence, then score yourself.`);
    }

    render();
    setInterval(tick, 1000);
    addEventListener("storage", (event) => { // the same interview in another tab
      if (event.key !== KEY || !root.isConnected) return;
      state = load();
      render();
    });
  }

  const pages = { "question-bank": questionBank, "mock-interview": mockInterview };
  for (const root of document.querySelectorAll("[data-practice]:not([data-ready])")) {
    root.setAttribute("data-ready", "");
    root.setAttribute("data-lm-suppress-shortcuts", "true"); // keys typed here are not for JupyterLab
    pages[root.dataset.practice](root);
  }
})();
