// The official runtime, unmodified: loaded, and warmed up before there is a function for it.

import path from "node:path";
import { pathToFileURL } from "node:url";

const CONTEXT = { apiVersion: "56.0", payloadVersion: "0.1", userContext: {} };
const EVENT = {
  "content-type": "application/json",
  "ce-specversion": "1.0",
  "ce-id": "warm-up",
  "ce-source": "urn:event:from:salesforce/warm-up",
  "ce-type": "com.salesforce.function.invoke.sync",
  "ce-sfcontext": encoded(CONTEXT),
  "ce-sffncontext": encoded({ accessToken: "", requestId: "warm-up" }),
};

/** Its parts that we call. */
export async function loaded(folder) {
  const from = (file) => import(pathToFileURL(path.join(folder, "dist", file)).href);
  const [{ loadUserFunctionFromDirectory }, { readSalesforceConfig }, { buildServer }] =
    await Promise.all(["user-function.js", "salesforce-config.js", "server.js"].map(from));
  return { loadUserFunctionFromDirectory, readSalesforceConfig, buildServer };
}

/** The same, after one whole invocation, which compiles the way of all others; and the names of the
 *  variables that were looked at meanwhile. What lists them all is `debug`, which is after its own. */
export async function warmed(folder) {
  const real = process.env;
  const touched = new Set();
  process.env = new Proxy(real, {
    get: (env, name) => (touched.add(String(name)), env[name]),
    has: (env, name) => (touched.add(String(name)), name in env),
    set: (env, name, value) => (touched.add(String(name)), (env[name] = value), true),
  });
  try {
    const parts = await loaded(folder);
    const app = parts.buildServer(async () => ({}), { apiVersion: "56.0" });
    await app.ready();
    await app.inject({ method: "POST", url: "/", headers: EVENT, payload: "{}" });
    await app.close();
    return { parts, touched: [...touched] };
  } finally {
    process.env = real;
  }
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}
