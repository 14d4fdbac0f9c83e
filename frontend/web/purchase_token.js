// A purchase token of a sale that asks for one, for as much work as it asks for.

import * as service from './service.js';

function solve({ challenge, difficulty }) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./proof_worker.js', import.meta.url), { type: 'module' });
    const end = (settle) => (event) => {
      worker.terminate();
      settle(event);
    };
    worker.onmessage = end((event) => resolve({ challenge, nonce: event.data }));
    worker.onerror = end(reject);
    worker.postMessage({ challenge, difficulty });
  });
}

// The shop's answer (none, when the work could not be done): 200 with purchase_token, or why there is none.
export async function purchaseToken(sale, buyer) {
  const asked = await service.challenge(sale, buyer);
  if (asked.status === 404) return service.purchaseToken(sale, buyer, null); // no work is asked for
  if (asked.status !== 200) return asked;
  const work = await solve(asked.body).catch(() => null);
  return work === null ? service.NO_ANSWER : service.purchaseToken(sale, buyer, work);
}
