// Gold labels over Kafka from Node, with kafkajs and avsc. In this folder:
//
//   npm install --no-package-lock
//   node client.js [N]      sends N commands (default 3), prints a line for each result and a summary
//   node client.js encode   reads commands as JSON lines, prints fingerprint and message of each in hex
//
// Environment: KAFKA_BROKERS, RUN_ID, WORKER_TOKEN; SCHEMAS (default ../../avro).
'use strict'

const { randomUUID } = require('crypto')
const fs = require('fs')
const path = require('path')
const avro = require('avsc')
const { Kafka, Partitioners, logLevel } = require('kafkajs')

const COMMANDS = 'gold-label.commands'
const RESULTS = 'gold-label.results'
const WAIT_MS = 60000

// CRC-64-AVRO of the Avro specification. avsc has hashes of Node's crypto only.
const EMPTY = 0xc15d213aa4d7a795n
const TABLE = Array.from({ length: 256 }, (_, n) => {
  let value = BigInt(n)
  for (let bit = 0; bit < 8; bit++) value = (value >> 1n) ^ (value & 1n ? EMPTY : 0n)
  return value
})

function crc64 (bytes) {
  return bytes.reduce((value, byte) => (value >> 8n) ^ TABLE[Number(value & 0xffn) ^ byte], EMPTY)
}

// One schema; messages are in Avro's single-object encoding.
class Avro {
  constructor (name) {
    const file = path.join(process.env.SCHEMAS || '../../avro', name)
    this.type = avro.Type.forSchema(JSON.parse(fs.readFileSync(file, 'utf8')))
    this.fingerprint = crc64(Buffer.from(JSON.stringify(this.type.schema()))) // of the parsing canonical form
    this.head = Buffer.from([0xc3, 0x01, 0, 0, 0, 0, 0, 0, 0, 0])
    this.head.writeBigUInt64LE(this.fingerprint, 2)
  }

  encode (record) {
    return Buffer.concat([this.head, this.type.toBuffer(record)])
  }

  decode (message) {
    if (!message.subarray(0, this.head.length).equals(this.head)) {
      throw new Error('another schema wrote this: look its fingerprint up')
    }
    return this.type.fromBuffer(message.subarray(this.head.length))
  }
}

// Resolves once the consumer reads on from where the topic ended when it was called, so that no result is missed.
async function followResults (kafka, consumer, take) {
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(RESULTS)
  await admin.disconnect()
  await consumer.connect()
  await consumer.subscribe({ topic: RESULTS })
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => take(message) })
  for (const { partition, high } of ends) consumer.seek({ topic: RESULTS, partition, offset: high })
}

async function main (count) {
  const command = new Avro('create-gold-label.avsc')
  const result = new Avro('gold-label-result.avsc')
  const run = process.env.RUN_ID
  const kafka = new Kafka({
    clientId: 'example',
    brokers: process.env.KAFKA_BROKERS.split(','),
    logLevel: logLevel.ERROR
  })
  const outcomes = { CREATED: 0, REJECTED: 0 }
  const waiting = new Set()
  let done
  const answered = new Promise(resolve => { done = resolve })

  // kafkajs knows no consumer without a group: this one is the process's own.
  const consumer = kafka.consumer({ groupId: `example-${randomUUID()}` })
  await followResults(kafka, consumer, message => {
    const correlationId = String(message.headers['correlation-id'])
    if (!waiting.delete(correlationId)) return // somebody else's, or one that came twice
    const said = result.decode(message.value)
    outcomes[said.outcome]++
    console.log(correlationId, said.outcome, said.code || new Date(said.label.created_at / 1000).toISOString())
    if (waiting.size === 0) done()
  })

  const messages = Array.from({ length: count }, (_, n) => {
    const record = {
      command_id: randomUUID(),
      run_id: run,
      output_resource_name: 'summary',
      text_value: `label ${n} from Node`
    }
    waiting.add(record.command_id)
    return {
      key: run,
      value: command.encode(record),
      headers: { authorization: `Bearer ${process.env.WORKER_TOKEN}`, 'correlation-id': record.command_id }
    }
  })
  // The default partitioner places keys as Java clients do.
  const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic: COMMANDS, acks: -1, messages })
  await producer.disconnect()

  const timer = setTimeout(done, WAIT_MS)
  if (waiting.size > 0) await answered
  clearTimeout(timer)
  await consumer.disconnect()
  console.log(`sent ${count}, created ${outcomes.CREATED}, rejected ${outcomes.REJECTED}, unanswered ${waiting.size}`)
  return waiting.size > 0 ? 1 : 0
}

function encode () {
  const command = new Avro('create-gold-label.avsc')
  for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    console.log(command.fingerprint.toString(16).padStart(16, '0'), command.encode(JSON.parse(line)).toString('hex'))
  }
}

if (process.argv[2] === 'encode') {
  encode()
} else {
  main(Number(process.argv[2] || 3)).then(code => { process.exitCode = code }, error => {
    console.error(error.message)
    process.exitCode = 1
  })
}
