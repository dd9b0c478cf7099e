// One invocation: completed headers, a deadline, an answer in any case, and one line about it.

import fs from "node:fs";
import { completed } from "./contexts.mjs";
import * as extraInfo from "./extra_info.mjs";

const BODY_BYTES_MAX = 12e6; // the runtime's own limit: one byte more, and it says so itself
const ANSWER_BYTES_MAX = 6 * 1024 * 1024; // Salesforce's limit; the edge holds it for what is sent
const TELL_MS = 1_000;
const TOLD_MAX = 150; // a line of so many is below 4,096 bytes, which a pipe takes whole or not at all
const GRACE_MS = 5_000; // after the deadline, before a function counts as one that will not stop
const ID_CHARACTERS_MAX = 200;
const BEGUN = 0o600; // `accept.py` reads it: a connection whose answer has begun gets no other
const NOT_OURS = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);

export class Invocations {
  /** `spent` is called when a function goes on long after its deadline: JavaScript has no way to
   *  stop one, so the instance is to end once the others are answered. `start`: how this process came
   *  to be. `tell` is called once a second at most, with what was served since. */
  constructor(app, name, deadlineS, start, spent, tell) {
    this.app = app;
    this.name = name;
    this.deadlineS = deadlineS;
    this.start = start;
    this.spent = spent;
    this.tell = tell;
    this.untold = [];
    this.served = 0;
    this.running = new Set();
  }

  async answer(request, response) {
    const invocation = new Invocation(this, request, response);
    this.running.add(invocation);
    try {
      await invocation.run();
    } finally {
      this.running.delete(invocation);
    }
  }

  add(call) {
    this.untold.push(call);
    if (this.untold.length >= TOLD_MAX) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), TELL_MS);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.untold.length) this.tell({ peak_kib: peakKib(), calls: this.untold });
    this.untold = [];
  }

  fail(error) {
    for (const invocation of this.running) invocation.raised(error);
  }
}

class Invocation {
  constructor(owner, request, response) {
    this.owner = owner;
    this.request = request;
    this.response = response;
    this.startedMs = performance.now();
    this.queueMs = sinceMs(request.headers["x-request-start"]);
    this.status = 0;
    response.on("error", () => {}); // the caller went away
  }

  get runMs() {
    return Math.round(performance.now() - this.startedMs);
  }

  async run() {
    const deadline = setTimeout(() => this.tooLate(), this.owner.deadlineS * 1000);
    try {
      const payload = await read(this.request);
      const { method, url, headers } = this.request;
      const answer = await this.owner.app.inject({
        method,
        url,
        headers: completed(headers),
        payload,
      });
      if (answer.rawPayload.length > ANSWER_BYTES_MAX) this.tooLarge(answer.rawPayload.length);
      else this.send(answer.statusCode, answer.headers, answer.rawPayload);
    } catch (error) {
      this.raised(error);
    } finally {
      clearTimeout(deadline);
      clearTimeout(this.grace);
    }
  }

  tooLate() {
    const text = `Function exceeded its deadline of ${this.owner.deadlineS} s`;
    this.sendError(504, text, text);
    this.grace = setTimeout(() => this.owner.spent(), GRACE_MS);
  }

  tooLarge(size) {
    const text = `Function returned ${size} bytes, which is more than the ${ANSWER_BYTES_MAX} allowed`;
    this.sendError(500, text, text);
  }

  raised(error) {
    this.sendError(500, `Function threw: ${error?.message ?? error}`, String(error?.stack ?? ""));
  }

  /** In the form of the runtime's own answers. */
  sendError(status, text, stack) {
    const info = {
      requestId: this.request.headers["ce-id"] ?? "n/a",
      source: this.request.headers["ce-source"] ?? "n/a",
      execTimeMs: this.runMs,
      isFunctionError: true,
      stack,
      statusCode: status,
    };
    const headers = { "content-type": "application/json", [extraInfo.NAME]: extraInfo.encode(info) };
    this.send(status, headers, Buffer.from(text.toWellFormed()));
  }

  /** Once. One request per connection: then a connection is an invocation, for limit and drain. */
  send(status, headers, body) {
    if (this.status) return;
    this.status = status;
    const kept = Object.entries(headers).filter(([name]) => !NOT_OURS.has(name));
    const whole = Object.fromEntries(kept);
    if (whole[extraInfo.NAME]) whole[extraInfo.NAME] = extraInfo.fit(String(whole[extraInfo.NAME]));
    whole["content-length"] = body.length;
    whole.connection = "close";
    begin(this.response.socket);
    this.response.writeHead(status, whole);
    this.response.end(body);
    this.request.resume(); // closing on an unread request would reset the connection
    if (this.request.headers["x-health-check"] !== "true") this.record();
  }

  record() {
    const { name, start } = this.owner;
    const cold = this.owner.served++ === 0 ? 1 : 0;
    const queue = this.queueMs === null ? "-" : `${this.queueMs}ms`;
    this.owner.add([this.status, this.runMs, this.queueMs]);
    writeLine(
      `fn=${name} status=${this.status} run=${this.runMs}ms queue=${queue} cold=${cold}` +
        ` start=${start} peak=${Math.floor(peakKib() / 1024)}MB id=${this.shownId}`,
    );
  }

  /** The caller's ce-id. It chose it, so only what can't break the line is shown. */
  get shownId() {
    const raw = (this.request.headers["ce-id"] ?? "-").slice(0, ID_CHARACTERS_MAX);
    return raw.replace(/[^!-~]/g, "?");
  }
}

/** Before anything is written: what ends in the middle of an answer must not be answered again. */
function begin(socket) {
  const fd = socket?._handle?.fd ?? -1;
  if (fd >= 0) fs.fchmodSync(fd, BEGUN);
}

function peakKib() {
  return process.resourceUsage().maxRSS;
}

/** From the edge to this process; null where the edge was passed by. Nobody sets the clock meanwhile. */
function sinceMs(momentMs) {
  return /^\d{1,14}$/.test(momentMs ?? "") ? Math.max(0, Date.now() - Number(momentMs)) : null;
}

/** The body, and of one that is too large enough to show it. */
async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** To the app's log, unless its pipe is full: a record is not worth a stalled function. */
function writeLine(line) {
  try {
    fs.writeSync(1, `${line}\n`);
  } catch (error) {
    if (error.code !== "EAGAIN") throw error;
  }
}
