// Follows one order until nothing can happen to it any more.

import { Live } from './live.js';
import * as service from './service.js';

const FINAL = ['paid', 'rejected', 'cancelled', 'expired'];
const FIRST_MS = 200;
const MOST_MS = 5_000;
const CANCEL_ATTEMPTS = 4;

export class OrderWatch {
  // `changed(order, stale)`: the order as the shop shows it, or showed it last; null when the shop
  // does not know it.
  constructor(id, changed) {
    this.id = id;
    this.changed = changed;
    this.order = undefined;
    this.tag = null;
    this.closed = false; // nothing can change any more, or nobody wants to know
    this.cancelling = null; // null, 'sending' or 'failed'
    this.live = new Live(service.orderEvents(id), (order) => this.tell(order), () => this.ask(),
      (n) => service.backoff(n, null, FIRST_MS, MOST_MS));
  }

  close() {
    this.closed = true;
    this.live.close();
  }

  async ask() {
    const answer = await service.order(this.id, this.tag);
    if (this.closed) return answer;
    if (answer.status === 200) {
      this.tag = answer.header('ETag');
      this.tell(answer.body);
    } else if (answer.status === 404) {
      this.tell(null);
    } else if (this.order !== undefined) {
      this.changed(this.order, answer.status !== 304);
    }
    return answer;
  }

  // Calls the order off. It counts once, so a shop that is busy is asked again.
  async cancel(buyer) {
    this.mark('sending');
    for (let n = 0; n < CANCEL_ATTEMPTS; n++) {
      const answer = await service.cancelOrder(this.id, buyer);
      if (this.closed) return;
      if (answer.status === 200) return this.tell(answer.body);
      if (answer.status > 0 && answer.status < 500) break;
      await new Promise((resolve) => setTimeout(resolve, service.backoff(n, answer, FIRST_MS, MOST_MS)));
    }
    if (!this.closed) this.mark('failed');
  }

  mark(cancelling) {
    this.cancelling = cancelling;
    this.changed(this.order, false);
  }

  tell(order) {
    this.order = order;
    if (order === null || FINAL.includes(order.state)) {
      this.cancelling = null;
      this.close();
    }
    this.changed(order, false);
  }
}
