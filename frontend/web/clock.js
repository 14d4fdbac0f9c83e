// The server's clock, as near as a browser can know it.

import { serverTime } from './service.js';

const SAMPLES = 5;
const RESYNC_MS = 60_000;

export class ServerClock {
  // `now`: the server's time when the page was made. It is late by the page's own way here.
  constructor(now) {
    this.base = now - performance.now();
    this.error = Infinity; // milliseconds that `base` may be off
    this.syncedAt = -Infinity;
  }

  // performance.now() runs on when somebody sets the computer's clock.
  now() {
    return this.base + performance.now();
  }

  // Of several samples the one with the shortest way is the best: its error is at most half of it.
  async sync() {
    let best = null;
    for (let i = 0; i < SAMPLES; i++) {
      const sent = performance.now();
      const time = await serverTime();
      const way = performance.now() - sent;
      if (time !== null && (best === null || way < best.way)) best = { way, base: time + way / 2 - sent - way };
    }
    if (best === null) return false;
    this.base = best.base;
    this.error = best.way / 2;
    this.syncedAt = performance.now();
    return true;
  }

  isStale() {
    return performance.now() - this.syncedAt > RESYNC_MS;
  }
}
