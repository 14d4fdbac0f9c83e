// What the shop knows of one thing, as it changes: told by server-sent events, and asked for again
// and again where those do not come. Nothing goes on behind a tab that nobody looks at.

import * as service from './service.js';

const PATIENCE_MS = 4_000; // a stream without a first word: something on the way holds it back
const SILENCE_MS = 40_000; // the shop says something every 15 seconds
const HIDDEN_MS = 10_000;
const FIRST_MS = 500;
const MOST_MS = 60_000;
const SPREAD_MS = 1_500; // a shop that restarts breaks all streams at once

export class Live {
  // `told(data)` takes the data of an event of `path`; null: there are none, and it asks. `ask()` asks for the same and resolves to the answer;
  // `distance(n)`: milliseconds to the next question, `n` of them having brought nothing new.
  constructor(path, told, ask, distance) {
    Object.assign(this, { path, told, ask, distance });
    this.streams = path !== null;
    this.lastId = null;
    this.timers = {};
    this.look = this.look.bind(this);
    document.addEventListener('visibilitychange', this.look);
    addEventListener('online', this.look);
    this.start();
  }

  close() {
    document.removeEventListener('visibilitychange', this.look);
    removeEventListener('online', this.look);
    this.stop();
  }

  // Without streams it only asks: a browser has six connections to one server, for all its tabs.
  prefer(streams) {
    if (streams === this.streams) return;
    this.streams = streams;
    this.restart();
  }

  look() {
    if (document.hidden) this.after(HIDDEN_MS, 'leave', () => this.stop());
    else if (this.heard) this.forget('leave');
    else this.restart();
  }

  start(failures = 0) {
    this.run = new AbortController();
    this.heard = false; // the stream that is open has said something
    this.questions = null; // a token while one asks
    if (document.hidden) this.look();
    if (this.streams) this.connect(failures);
    else this.poll();
  }

  stop() {
    this.run.abort();
    this.heard = false;
    this.questions = null;
    this.forget(...Object.keys(this.timers));
  }

  restart(failures = 0) {
    this.stop();
    this.start(failures);
  }

  after(ms, name, what) {
    this.forget(name);
    this.timers[name] = setTimeout(what, ms);
  }

  forget(...names) {
    for (const name of names) clearTimeout(this.timers[name]);
  }

  // ---- streaming ----

  async connect(failures) {
    const { signal } = this.run;
    this.after(PATIENCE_MS, 'patience', () => this.poll());
    this.after(SILENCE_MS, 'silence', () => this.restart(failures + 1));
    const answer = await service.events(this.path, this.lastId, signal);
    if (answer.status === 200) {
      for await (const event of answer.body) {
        if (signal.aborted) return;
        this.hear(event);
      }
    }
    if (signal.aborted) return;
    this.forget('patience', 'silence');
    failures = this.heard ? 0 : failures + 1;
    this.heard = false;
    if (failures > 0) this.poll();
    const wait = service.backoff(failures, answer, FIRST_MS, MOST_MS) + Math.random() * SPREAD_MS;
    this.after(wait, 'connect', () => this.connect(failures));
  }

  hear({ id, data }) {
    this.after(SILENCE_MS, 'silence', () => this.restart());
    if (data === undefined) return;
    this.heard = true;
    this.questions = null;
    this.forget('patience', 'ask');
    this.lastId = id ?? this.lastId;
    this.told(JSON.parse(data));
  }

  // ---- asking ----

  poll() {
    if (this.questions === null) this.question(this.questions = {}, 0);
  }

  async question(token, n) {
    const answer = await this.ask();
    if (token !== this.questions) return;
    n = answer.status === 200 ? 0 : n + 1;
    const wait = [200, 304].includes(answer.status) ? this.distance(n) : service.backoff(n, answer);
    this.after(wait, 'ask', () => this.question(token, n));
  }
}
