// The shop's HTTP API. An answer is {status, code, body, header(name), retryAfter}; a request that
// found no server has status 0.

const TIMEOUT_MS = 30_000;

// A problem may come from a proxy, in its own words; an answer that was cut short is none.
const json = async (response) => {
  try {
    return await response.json();
  } catch (error) {
    if (response.ok) throw error;
    return null;
  }
};

export const NO_ANSWER = { status: 0, code: '', body: null, header: () => null, retryAfter: null };

async function request(path, options = {}, read = json) {
  try {
    const response = await fetch(path, {
      cache: 'no-store',
      credentials: 'same-origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...options,
    });
    const body = response.status === 304 ? null : await read(response);
    if (response.status === 401) dispatchEvent(new Event('sluice:logged-out'));
    return {
      status: response.status,
      code: body?.code ?? '',
      body,
      header: (name) => response.headers.get(name),
      retryAfter: retryAfter(response, body),
    };
  } catch {
    return NO_ANSWER;
  }
}

// Milliseconds, or null. The header has whole seconds or a date; a problem may be more precise.
function retryAfter(response, body) {
  if (Number.isFinite(body?.retry_after_ms)) return Math.max(0, body.retry_after_ms);
  const text = response.headers.get('Retry-After');
  if (text === null) return null;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const until = Date.parse(text) - Date.now();
  return Number.isFinite(until) ? Math.max(0, until) : null;
}

// A page of the shop, as text.
export const html = (path) => request(path, { headers: { Accept: 'text/html' } }, (response) => response.text());

export async function serverTime() {
  const answer = await request('/v1/time');
  return answer.status === 200 ? answer.body.unix_ms : null;
}

// Who is logged in, where the browser has a token that scripts cannot see.
export const user = () => request('/v1/user');

export const allSales = () => request('/v1/sales');

export const sale = (id) => request(`/v1/sales/${encodeURIComponent(id)}`);

// Header values are bytes; a name that is not Latin goes as its UTF-8.
const headerText = (text) => String.fromCharCode(...new TextEncoder().encode(text));

export const placeOrder = (saleId, buyer, key, quantity, purchaseToken) =>
  request(`/v1/sales/${encodeURIComponent(saleId)}/orders`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-User-Id': headerText(buyer),
      'Idempotency-Key': `"${key}"`,
      ...(purchaseToken && { 'Sluice-Purchase-Token': purchaseToken }),
    },
    body: JSON.stringify({ quantity }),
  });

export const challenge = (saleId, buyer) =>
  request(`/v1/sales/${encodeURIComponent(saleId)}/challenge`, { headers: { 'X-User-Id': headerText(buyer) } });

export const purchaseToken = (saleId, buyer, work) =>
  request(`/v1/sales/${encodeURIComponent(saleId)}/purchase-token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-User-Id': headerText(buyer) },
    body: work && JSON.stringify(work),
  });

// A place in the waiting room; the browser keeps the ticket, out of the reach of scripts.
export const takePlace = (saleId, buyer) =>
  request(`/v1/sales/${encodeURIComponent(saleId)}/ticket`, {
    method: 'POST',
    headers: { 'X-User-Id': headerText(buyer) },
  });

// With a tag: 304 while the order is the one of that tag.
export const order = (id, tag) =>
  request(`/v1/orders/${encodeURIComponent(id)}`, { headers: { ...(tag && { 'If-None-Match': tag }) } });

export const cancelOrder = (id, buyer) =>
  request(`/v1/orders/${encodeURIComponent(id)}`, {
    method: 'DELETE',
    headers: { 'X-User-Id': headerText(buyer) },
  });

export const newestOrder = (saleId, buyer) =>
  request(`/v1/orders?limit=1&sale=${encodeURIComponent(saleId)}`, { headers: { 'X-User-Id': headerText(buyer) } });

export const saleEvents = (id) => `/v1/sales/${encodeURIComponent(id)}/events`;
export const orderEvents = (id) => `/v1/orders/${encodeURIComponent(id)}/events`;

// Server-sent events from after `lastId` on. The body is a sequence of {id, data}, both undefined
// for a sign of life, which ends when the way to the shop does. EventSource would not say why it was
// refused, and all pages would come back in the same second.
export const events = (path, lastId, signal) =>
  request(path, { headers: { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) }, signal },
    (response) => (response.ok ? eventsOf(response.body) : json(response)));

async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true }));
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) yield { id: field(block, 'id'), data: field(block, 'data') };
  }
}

// The shop writes each field in one line, with one space.
const field = (block, name) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];

// How long to wait before attempt `n` (0, 1, …): what the server asks for, else doubling, and up to
// half more of it, so that a crowd that was refused together does not come back together.
export function backoff(n, answer, first = 500, most = 20_000) {
  const least = Math.max(answer?.retryAfter ?? 0, Math.min(first * 2 ** n, most));
  return least * (1 + Math.random() / 2);
}
