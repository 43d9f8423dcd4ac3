// An SMSC made of npm's `smpp`, driven by lines of JSON on its standard input and telling what happens by lines on its output.
// `_smsc/__init__.py` is the other end, and says what the commands are.
'use strict';
const fs = require('fs');
const readline = require('readline');
const smpp = require('smpp');

const options = JSON.parse(process.argv[2]);
const way = { status: 0, times: Infinity, state: 'DELIVRD', by: 'text', silent: false, quiet: false };
const sessions = new Set();
const doubles = new Map(); // text by destination and words: how often it was asked to carry it
const counts = { submitted: 0, refused: 0, told: 0, acknowledged: 0, again: 0 };
const pending = new Map(); // receipts that nobody has acknowledged: told again to the next client that binds
let ids = 0;

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');

function words(pdu) {
  const text = pdu.short_message && pdu.short_message.message !== undefined ? pdu.short_message : pdu.message_payload;
  return text ? text.message : '';
}

function submitted(session, pdu) {
  counts.submitted++;
  if (options.remember) {
    const key = pdu.destination_addr + ' ' + words(pdu);
    doubles.set(key, (doubles.get(key) || 0) + 1);
  }
  if (!way.quiet) {
    const udh = pdu.short_message && pdu.short_message.udh;
    say({
      submitted: words(pdu), udh: udh ? Buffer.concat(udh).toString('hex') : '', source: pdu.source_addr,
      source_ton: pdu.source_addr_ton, destination: pdu.destination_addr, data_coding: pdu.data_coding,
      esm_class: pdu.esm_class, registered_delivery: pdu.registered_delivery,
      sar: [pdu.sar_msg_ref_num, pdu.sar_segment_seqnum, pdu.sar_total_segments],
    });
  }
  if (way.silent) return;
  if (way.status && way.times-- > 0) {
    counts.refused++;
    session.send(pdu.response({ command_status: way.status }));
    return;
  }
  const id = String(++ids);
  session.send(pdu.response({ message_id: id }));
  if (way.state) receipt(session, pdu, id, 1);
}

function receipt(session, pdu, id, attempt) {
  const told = { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT };
  if (way.by === 'text') {
    told.short_message =
      `id:${id} sub:001 dlvrd:001 submit date:2611251200 done date:2611251201 stat:${way.state} err:000 text:x`;
  } else {
    told.receipted_message_id = id;
    told.message_state = smpp.MESSAGE_STATE[{ DELIVRD: 'DELIVERED', UNDELIV: 'UNDELIVERABLE' }[way.state] || way.state];
  }
  pending.set(id, told);
  tell(session, id, told, attempt);
}

function tell(session, id, told, attempt) {
  counts.told++;
  session.deliver_sm(told, (answer) => {
    if (answer.command_status === 0) {
      counts.acknowledged++;
      pending.delete(id);
    } else if (attempt < 5) {
      counts.again++;
      tell(session, id, told, attempt + 1);
    }
  });
}

function take(session) {
  sessions.add(session);
  let bound = false;
  session.on('error', () => session.destroy());
  session.on('close', () => { sessions.delete(session); say({ closed: bound }); });
  session.on('bind_transceiver', (pdu) => {
    bound = pdu.system_id === options.system_id && pdu.password === options.password;
    session.bound = bound;
    session.send(pdu.response(bound ? {} : { command_status: smpp.ESME_RBINDFAIL }));
    if (!bound) return;
    say({ bound: pdu.system_id, version: pdu.interface_version });
    for (const [id, told] of pending) tell(session, id, told, 1);
  });
  session.on('submit_sm', (pdu) => submitted(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); say({ unbound: true }); });
}

const tls = options.cert ? { cert: fs.readFileSync(options.cert), key: fs.readFileSync(options.key) } : {};
const server = smpp.createServer(tls, take);
server.on('error', (error) => { say({ failed: error.message }); process.exit(1); });
const listen = (port) => server.listen(port, '127.0.0.1', () => say({ listening: server.address().port }));
listen(options.port);

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.way) { Object.assign(way, { times: Infinity }, command.way); say({ set: true }); }
  if (command.away) { options.port = server.address().port; server.close(); }
  if (command.back) listen(options.port);
  if (command.drop || command.away) for (const session of sessions) session.socket.resetAndDestroy();
  if (command.stats) {
    const cpu = process.cpuUsage();
    const repeated = [...doubles].filter(([, times]) => times > 1).map(([key]) => key);
    say({ stats: { ...counts, bound: [...sessions].filter((one) => one.bound).length, distinct: doubles.size, repeated, pending: pending.size,
      cpu_s: (cpu.user + cpu.system) / 1e6 } });
  }
  if (command.seen) say({ seen: [...doubles.keys()] });
  if (command.deliver) {
    const session = [...sessions].find((one) => one.bound);
    const { udh, text, ...fields } = command.deliver;
    if (!session) { say({ delivered: -1 }); return; }
    const message = udh ? { udh: Buffer.from(udh, 'hex'), message: text } : text;
    session.deliver_sm({ ...fields, short_message: message }, (answer) => say({ delivered: answer.command_status }));
  }
}).on('close', () => process.exit(0));
