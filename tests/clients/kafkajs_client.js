// kafkajs against sluice-broker: topics, produce with headers and gzip, a group that consumes and
// commits. usage: node kafkajs_client.js HOST:PORT. Exits 0 when everything was seen once, in order.
'use strict';

const assert = require('assert');
const { Kafka, CompressionTypes, logLevel } = require('kafkajs');

const COUNT = 300;
const DEADLINE_MS = 60000;
const topic = 'from-node';
const kafka = new Kafka({
  clientId: 'node',
  brokers: [process.argv[2]],
  logLevel: logLevel.ERROR,
  retry: { initialRetryTime: 50, retries: 8 },
});

async function createTopic() {
  const admin = kafka.admin();
  await admin.connect();
  assert.strictEqual(
    await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1 }] }), true);
  assert.ok((await admin.listTopics()).includes(topic));
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
  assert.strictEqual(metadata.topics[0].partitions.length, 3);
  await admin.disconnect();
}

async function produce() {
  for (const [idempotent, compression] of [[false, CompressionTypes.None], [true, CompressionTypes.GZIP]]) {
    const producer = kafka.producer({ idempotent, maxInFlightRequests: 1 });
    await producer.connect();
    for (let start = 0; start < COUNT; start += 50) {
      const messages = [];
      for (let n = start; n < start + 50; ++n) {
        messages.push({ key: `key-${n}`, value: `${idempotent}-${n}`, partition: n % 3, headers: { n: `${n}` } });
      }
      await producer.send({ topic, acks: -1, compression, messages });
    }
    await producer.disconnect();
  }
}

async function consume(groupId, count) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, heartbeatInterval: 1000 });
  const got = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`only ${got.length} of ${count} after ${DEADLINE_MS} ms`)), DEADLINE_MS).unref();
    consumer.on(consumer.events.CRASH, (event) => reject(event.payload.error));
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        got.push({ partition, offset: Number(message.offset), value: message.value.toString(),
          header: message.headers.n.toString() });
        if (got.length === count) resolve();
      },
    });
  });
  await consumer.disconnect();
  return got;
}

function check(got) {
  for (let partition = 0; partition < 3; ++partition) {
    const rows = got.filter((row) => row.partition === partition);
    assert.deepStrictEqual(rows.map((row) => row.offset), rows.map((_, index) => index));
    const sent = [...Array(COUNT).keys()].filter((n) => n % 3 === partition);
    assert.deepStrictEqual(rows.map((row) => row.value),
      [...sent.map((n) => `false-${n}`), ...sent.map((n) => `true-${n}`)]);
    assert.deepStrictEqual(rows.map((row) => row.header), [...sent, ...sent].map(String));
  }
}

async function main() {
  await createTopic();
  await produce();
  check(await consume('node-readers', 2 * COUNT));
  const admin = kafka.admin();
  await admin.connect();
  const [{ partitions }] = await admin.fetchOffsets({ groupId: 'node-readers', topics: [topic] });
  assert.deepStrictEqual(partitions.map((row) => Number(row.offset)), [200, 200, 200]);
  const { groups } = await admin.describeGroups(['node-readers']);
  assert.ok(['Empty', 'Dead'].includes(groups[0].state), groups[0].state);
  await admin.deleteTopics({ topics: [topic] });
  assert.ok(!(await admin.listTopics()).includes(topic));
  await admin.disconnect();
  console.log('1 passed, 0 failed');
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
