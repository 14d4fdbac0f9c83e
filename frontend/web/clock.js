// The server's clock, as near as a browser can know it.

import { serverTime } from './service.js';

const SAMPLES = 5;
const RESYNC_MS = 300_000;
const RETRY_MS = 10_000;
const JUMP_MS = 2_000;

// Changes when somebody sets the computer's clock, and when the computer has slept, where
// performance.now() does not count that.
const offset = () => Date.now() - performance.now();

export class ServerClock {
  // `now`: the server's time when the page was made. It is late by the page's own way here.
  constructor(now) {
    this.base = now - performance.now();
    this.error = Infinity; // milliseconds that `base` may be off
    this.askedAt = -Infinity;
    this.synced = false; // when it was asked last
    this.offset = offset(); // then
  }

  now() {
    return this.base + performance.now();
  }

  // Of several samples the one with the shortest way is the best: its error is at most half of it.
  async sync() {
    this.askedAt = performance.now();
    this.offset = offset();
    let best = null;
    for (let i = 0; i < SAMPLES; i++) {
      const sent = performance.now();
      const time = await serverTime();
      const way = performance.now() - sent;
      if (time === null) break;
      if (best === null || way < best.way) best = { way, base: time + way / 2 - sent - way };
    }
    this.synced = best !== null;
    if (best === null) return;
    this.base = best.base;
    this.error = best.way / 2;
  }

  isStale() {
    const age = performance.now() - this.askedAt;
    return age > (this.synced ? RESYNC_MS : RETRY_MS) || Math.abs(offset() - this.offset) > JUMP_MS;
  }
}
