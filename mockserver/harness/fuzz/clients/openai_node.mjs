// Adapter for the official Node client: `mockserver fuzz -- node openai_node.mjs`, in a folder with openai installed.
// Reads a call per line, writes a result per line: contracts/schemas/fuzz-call.json and fuzz-result.json.
import fs from "node:fs";
import { basename, extname } from "node:path";
import readline from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Resolve openai from the current folder, not from this file's folder.
const require = createRequire(process.cwd() + "/");
const { default: OpenAI, toFile } = await import(pathToFileURL(require.resolve("openai")).href).then((m) =>
  m.default?.default ? m.default : m,
);

// The timeout applies to each wait, not to the whole call: two attempts and the backoff must fit into the deadline.
const SHARE = 0.3;
const RETRIES = 1;
const TYPES = { ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp" };

// Without a type the file would be sent as application/octet-stream, which the API rejects.
function file(path) {
  return toFile(fs.createReadStream(path), basename(path), { type: TYPES[extname(path)] });
}

function decoded(text) {
  if (typeof text !== "string" || !text || Buffer.from(text, "base64").toString("base64") !== text) {
    throw new TypeError("the image is not base64");
  }
  return text;
}

async function edit(call) {
  const result = { id: call.id, images: [], events: [], usage: null, error: null };
  try {
    const client = new OpenAI({
      baseURL: call.base_url,
      apiKey: call.api_key,
      timeout: call.deadline_s * SHARE * 1000,
      maxRetries: RETRIES,
    });
    const images = await Promise.all(call.images.map(file));
    const response = await client.images.edit({
      model: call.model,
      prompt: call.prompt,
      image: images.length > 1 ? images : images[0],
      ...(call.mask ? { mask: await file(call.mask) } : {}),
      ...call.options,
      ...(call.stream ? { stream: true } : {}),
    });
    if (call.stream) {
      for await (const event of response) {
        result.events.push(event);
        if (String(event?.type).endsWith(".completed")) {
          result.images = [decoded(event.b64_json)];
          result.usage = usage(event);
        }
      }
      if (!result.images.length) throw Object.assign(new Error("no completed event"), { kind: "stream" });
    } else {
      result.images = response.data.map((item) => decoded(item.b64_json));
      if (!result.images.length) throw new TypeError("the response holds no image");
      result.usage = usage(response);
    }
  } catch (error) {
    result.images = [];
    result.error = failed(OpenAI, error);
  }
  return result;
}

function usage(holder) {
  return holder.usage && typeof holder.usage === "object" && !Array.isArray(holder.usage) ? holder.usage : null;
}

function failed(OpenAI, error) {
  const details = { status: null, code: null, message: String(error?.message ?? error) };
  if (error.kind) return { ...details, kind: error.kind };
  if (error instanceof OpenAI.APIConnectionTimeoutError) return { ...details, kind: "timeout" };
  if (error instanceof OpenAI.APIConnectionError) return { ...details, kind: "connection" };
  if (error instanceof OpenAI.APIError) {
    const status = error.status ?? null;
    return { ...details, kind: status === null ? "stream" : "status", status, code: error.code ?? null };
  }
  const network = error?.code || error?.cause?.code || /terminated|aborted|fetch failed/.test(details.message);
  return { ...details, kind: /abort|timeout/i.test(details.message) ? "timeout" : network ? "connection" : "bad_answer" };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await edit(JSON.parse(line))) + "\n");
}
