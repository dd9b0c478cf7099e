// What a function's context needs from ce-sffncontext and callers don't send.

const NAME = "ce-sffncontext";

/** `accessToken` and `requestId` added where they are missing; what is there stays as it is. A
 *  header that is missing or can't be read is left alone: the runtime answers by itself. */
export function completed(headers) {
  const context = decoded(headers[NAME]);
  if (context === null || ("accessToken" in context && "requestId" in context)) return headers;
  const requestId = headers["x-request-id"] || headers["ce-id"] || "";
  const whole = { accessToken: "", requestId, ...context };
  return { ...headers, [NAME]: Buffer.from(JSON.stringify(whole)).toString("base64") };
}

function decoded(value) {
  if (value === undefined) return null;
  try {
    const context = JSON.parse(Buffer.from(value, "base64").toString("utf-8"));
    return typeof context === "object" && !Array.isArray(context) ? context : null;
  } catch {
    return null;
  }
}
