// The process that answers: the official runtime, unmodified, behind connections handed over one by
// one on the channel to `accept.py`.
//
//     node main.mjs RUNTIME [PROJECT NAME DEADLINE_S]
//
// Without a project it gets everything else ready, says so, and becomes one function's when told.
//
// Exit codes: 0 drained, 65 the function cannot be loaded, 70 it would not stop or broke down.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { Invocations } from "./invocation.mjs";
import { loaded, warmed } from "./runtime.mjs";

const EXIT_UNLOADABLE = 65;
const EXIT_BROKEN = 70;
const SILENT_MS_MAX = 10_000; // a connection that says nothing gives its place back
const SILENT_DRAINING_MS_MAX = 1_000;

const [runtime, ...told] = process.argv.slice(2);
const send = process.send.bind(process);
process.send = undefined; // the channel is ours: a function that looks for one finds none
const say = (message) => process.connected && send(message);
const open = new Map(); // number -> socket
let invocations, server;
let draining = false;
let exitCode = 0;

async function load(parts, project) {
  const { loadUserFunctionFromDirectory, readSalesforceConfig, buildServer } = await parts;
  const config = await readSalesforceConfig(path.join(project, "project.toml"));
  const app = buildServer(await loadUserFunctionFromDirectory(project), config);
  await app.ready();
  // Compiles the way of a request before the first one comes.
  await app.inject({ method: "POST", url: "/", headers: { "x-health-check": "true" } });
  return app;
}

/** From here on it is this function's, for good. `kind`: how it was started, for its records. */
async function serve(parts, kind, [project, name, deadlineS]) {
  let app;
  try {
    app = await load(parts, project);
  } catch (error) {
    // Errors of modules carry the line in their stack, and the runtime wraps only the message.
    fs.writeSync(2, `Could not load function: ${error.stack ?? error}\n`);
    end(EXIT_UNLOADABLE);
  }
  invocations = new Invocations(app, name, Number(deadlineS), kind, spent, (served) =>
    say({ served }),
  );
  server = http.createServer((request, response) => {
    request.socket.asked = true;
    invocations.answer(request, response);
  });
  server.headersTimeout = server.requestTimeout = 0; // the edge has its own, and timers wake us
  process.on("uncaughtException", breakDown);
  say({ ready: true });
}

/** As if it had been started with all that. */
async function become(parts, { argv, env, cwd }) {
  say({ became: true });
  for (const key of Object.keys(process.env)) delete process.env[key];
  Object.assign(process.env, env);
  process.chdir(cwd);
  process.argv.push(...argv);
  await serve(parts, "pool", argv);
}

function take(number, socket) {
  open.set(number, socket);
  const silent = setTimeout(() => closeIfSilent(socket), SILENT_MS_MAX);
  socket.on("close", () => {
    clearTimeout(silent);
    open.delete(number);
    say({ closed: number });
    endIfDrained();
  });
  server.emit("connection", socket);
}

function closeIfSilent(socket) {
  if (!socket.asked) socket.destroy();
}

function drain() {
  draining = true;
  for (const socket of open.values()) {
    setTimeout(() => closeIfSilent(socket), SILENT_DRAINING_MS_MAX);
  }
  endIfDrained();
}

function endIfDrained() {
  if (!draining || open.size > 0) return;
  invocations?.flush();
  end(exitCode);
}

/** An error that no invocation can be blamed for: all that run are answered, then it is over. */
function breakDown(error) {
  console.error(error);
  exitCode = EXIT_BROKEN;
  say({ spent: true });
  invocations.fail(error);
}

const end = process.exit.bind(process);
process.exit = (code) => {
  throw new Error(`process.exit(${code ?? ""}) was called`);
};
process.on("SIGTERM", () => {}); // told to everybody in here; `accept.py` says what follows
process.on("SIGINT", () => {});
process.on("disconnect", () => end(EXIT_BROKEN));

function spent() {
  exitCode = EXIT_BROKEN;
  console.error("setpoint: an invocation outlived its deadline; ending this instance");
  say({ spent: true });
}

let parts;
process.on("message", (message, socket) => {
  if (message.become) become(parts, message.become);
  else if (message.drain) drain();
  else if (message.take && socket) take(message.take, socket);
});
if (told.length) {
  await serve(loaded(runtime), "fresh", told);
} else {
  const warm = await warmed(runtime);
  parts = warm.parts;
  say({ warm: warm.touched });
}
