// x-extra-info as a header can carry it. The runtime writes percent-encoded JSON, which is ASCII; what
// it does not bound is the length, and beyond 60 KiB the edge refuses the answer.

export const NAME = "x-extra-info";
const BYTES_MAX = 32_000; // callers store it in a field of 32,768 characters
const CUT = "\n... shortened ...\n";

/** The same value; where that is too long, the middle of the stack goes. */
export function fit(value) {
  if (value.length <= BYTES_MAX) return value;
  try {
    return encode(JSON.parse(decodeURI(value)));
  } catch {
    return value.slice(0, BYTES_MAX);
  }
}

export function encode(info) {
  const stack = String(info.stack ?? "");
  let text = encoded(info);
  for (let keep = BYTES_MAX / 4; text.length > BYTES_MAX && keep >= 1; keep = Math.floor(keep / 2)) {
    text = encoded({ ...info, stack: stack.slice(0, keep) + CUT + stack.slice(-keep) });
  }
  return text.length > BYTES_MAX ? encoded({ ...info, source: "", requestId: "", stack: "" }) : text;
}

function encoded(info) {
  return encodeURI(JSON.stringify(info).toWellFormed());
}
