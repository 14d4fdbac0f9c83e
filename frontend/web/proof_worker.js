// The work that a sale asks for, in a thread of its own, so that the page stays alive meanwhile: a
// nonce with which SHA-256 of "challenge:nonce" begins with `difficulty` zero bits. crypto.subtle
// would cost a task for each digest, and is not there without TLS.

// FIPS 180-4: the first 32 bits of the fractional parts of roots of the first 64 primes.
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
const K = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

const BLOCK = 64;
const schedule = new Int32Array(64);

// One block of 16 words on top of `state`, into `out`, which may be the same.
function compress(state, block, out) {
  const w = schedule;
  for (let i = 0; i < 16; i++) w[i] = block[i];
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  const mixed = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) out[i] = state[i] + mixed[i];
}

function words(text) {
  const block = new Int32Array(text.length / 4);
  for (let i = 0; i < text.length; i++) block[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
  return block;
}

const beginsWithZeros = (digest, bits) => bits === 0 || digest[0] >>> (32 - bits) === 0;

// What does not change fills whole blocks, so that each try is one block: the count, the end mark
// and the length.
function find(challenge, difficulty) {
  const zeros = '0'.repeat((BLOCK - ((challenge.length + 1) % BLOCK)) % BLOCK);
  const fixed = `${challenge}:${zeros}`;
  const middle = START.slice();
  for (let i = 0; i < fixed.length; i += BLOCK) compress(middle, words(fixed.slice(i, i + BLOCK)), middle);
  const digest = new Int32Array(8);
  for (let count = 0; ; count++) {
    const text = String(count);
    const block = words(`${text}\x80`.padEnd(BLOCK, '\0'));
    block[15] = (fixed.length + text.length) * 8;
    compress(middle, block, digest);
    if (beginsWithZeros(digest, difficulty)) return zeros + text;
  }
}

onmessage = ({ data }) => postMessage(find(data.challenge, data.difficulty));
