// The official Node client: edits, streams, every refusal as its own exception, retries, and what it gets wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { AzureOpenAI, toFile } from 'openai';

import { families, fills, row, seen } from './catalogue.mjs';
import { failure, house, root, session, size, statuses, taken } from './mock.mjs';

const picture = (name) => toFile(house, name, { type: 'image/png' });
const asked = { model: 'gpt-image-2', prompt: 'Make it night', quality: 'low', size: '1024x1024' };

async function talk(name, scenario) {
  const found = await session(`openai-${name}`, scenario);
  const client = new OpenAI({ baseURL: found.baseURL, apiKey: 'sk-test', maxRetries: 0 });
  const edit = async (more = {}, options = {}) =>
    client.images.edit({ ...asked, image: await picture('house.png'), ...more }, options);
  return { ...found, client, edit };
}

async function events(stream) {
  const found = [];
  for await (const event of stream) found.push(event);
  return found;
}

const types = (found) => found.map((event) => event.type);

test('a plain edit', async () => {
  const { edit, entries } = await talk('plain');
  const answer = await edit();
  assert.deepEqual(size(Buffer.from(answer.data[0].b64_json, 'base64')), [1024, 1024]);
  assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
  const [entry] = await entries();
  assert.deepEqual(entry.request.files.map((file) => [file.field, file.declared_type]), [['image', 'image/png']]);
});

test('several images and a mask', async () => {
  const { edit, entries } = await talk('several');
  await edit({ image: [await picture('a.png'), await picture('b.png')], mask: await picture('m.png') });
  const [{ request, job }] = await entries();
  // It sends the fields in no order of its own.
  assert.deepEqual(request.files.map((file) => file.field).sort(), ['image[]', 'image[]', 'mask']);
  assert.equal(job.images.length, 2);
  assert.equal(job.mask, job.images[0]);
});

test('a stream', async () => {
  const { edit } = await talk('stream');
  const found = await events(await edit({ stream: true, partial_images: 2 }));
  const partial = 'image_edit.partial_image';
  assert.deepEqual(types(found), [partial, partial, 'image_edit.completed']);
  assert.deepEqual(size(Buffer.from(found.at(-1).b64_json, 'base64')), [1024, 1024]);
  assert.equal(found.at(-1).usage.input_tokens_details.image_tokens, 256);
});

test('the raw response', async () => {
  const { client } = await talk('raw');
  const call = client.images.edit({ ...asked, image: await picture('house.png') });
  const { data, response, request_id } = await call.withResponse();
  assert.equal(data.data.length, 1);
  assert.equal(response.headers.get('x-request-id'), request_id);
});

test('a scenario for a single request, by header', async () => {
  const { edit } = await talk('header');
  const error = await failure(edit({}, { headers: { 'X-Mockserver-Scenario': 'unverified_org' } }));
  assert(error instanceof OpenAI.PermissionDeniedError);
  assert((await edit()).data);
});

const classes = {
  400: OpenAI.BadRequestError,
  401: OpenAI.AuthenticationError,
  403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError,
  429: OpenAI.RateLimitError,
  500: OpenAI.InternalServerError,
  503: OpenAI.InternalServerError,
};

for (const family of families(false)) {
  test(`refusal ${family}`, async () => {
    const { edit, entries } = await talk(family, [{ error: family, times: 'forever' }]);
    const error = await failure(edit());
    const found = row((await entries()).at(-1), family);
    // It has no class of its own for 405 and 413.
    assert.equal(error.constructor, classes[found.status] ?? OpenAI.APIError);
    assert.equal(error.status, found.status);
    if (found.wire !== 'empty') assert.match(error.requestID, /^req_/);
    for (const field of ['type', 'param', 'code']) fills(error[field], seen(found)?.[field], field);
    if (seen(found)) fills(error.error.message, found.message, 'message');
  });
}

for (const family of families(true)) {
  test(`refusal ${family}, in a stream`, async () => {
    const { edit, entries } = await talk(family, [{ error: family, times: 'forever' }]);
    const stream = await edit({ stream: true, partial_images: 1 });
    const error = await failure(events(stream));
    const found = row((await entries()).at(-1), family);
    assert.equal(error.constructor, OpenAI.APIError);
    assert.equal(error.status, undefined);
    for (const field of ['type', 'param', 'code']) fills(error[field], found[field], field);
    fills(error.error.message, found.message, 'message');
  });
}

test('a refusal of a request that is wrong in itself', async () => {
  const { edit, entries } = await talk('bytes');
  const error = await failure(edit({ image: await toFile(house, 'house') }));
  assert(error instanceof OpenAI.BadRequestError);
  assert.deepEqual([error.code, error.param], ['unsupported_file_mimetype', 'image']);
  assert.match(decodeURIComponent(error.headers.get('x-mockserver-hint')), /octet-stream/);
  assert.equal((await entries())[0].answer.row, 'mimetype');
});

for (const [retries, expected] of [[2, [429, 429, 500]], [3, [429, 429, 500, 200]]]) {
  test(`${retries} retries on flaky`, async () => {
    const found = await talk(`flaky-${retries}`, 'flaky');
    const call = found.edit({}, { maxRetries: retries });
    if (retries === 3) assert((await call).data);
    else assert((await failure(call)) instanceof OpenAI.InternalServerError);
    assert.deepEqual(await statuses(found), expected);
  });
}

test('a connection that is reset', async () => {
  const { edit } = await talk('reset', 'reset');
  assert((await failure(edit())) instanceof OpenAI.APIConnectionError);
});

test('a stall, with a deadline', async () => {
  const { edit } = await talk('stall', 'stall');
  assert((await failure(edit({}, { timeout: 300 }))) instanceof OpenAI.APIConnectionTimeoutError);
});

test('Azure', async () => {
  // With OPENAI_BASE_URL in the environment it takes an endpoint only when it is told that there is no base URL.
  const options = { endpoint: root, baseURL: null, apiKey: 'sk-azure-node', maxRetries: 0 };
  const edit = async (apiVersion) => {
    const client = new AzureOpenAI({ ...options, apiVersion, deployment: 'gpt-image-2' });
    return client.images.edit({ ...asked, image: await picture('house.png') });
  };
  assert((await edit('2025-04-01-preview')).data);
  const error = await failure(edit('2024-02-01'));
  assert(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, '404');
});

// Where there is no picture, or none that can be read, it says so neither by an exception nor by a type.
const bodies = ['content_type', 'empty', 'missing', 'nulls', 'wrong_type', 'huge_number'];
const pictures = ['bad_base64', 'other_image'];
const streams = ['no_completed', 'json_instead', 'wrong_family'];

test('what it takes for a success', async () => {
  const edit = async (baseURL) => {
    const client = new OpenAI({ baseURL, apiKey: 'sk-test', maxRetries: 0 });
    await client.images.edit({ ...asked, image: await picture('house.png') });
  };
  assert.deepEqual(await taken('openai-hostile', edit), [...bodies, 'empty_data', ...pictures]);
});

test('what it takes for the success of a stream', async () => {
  const edit = async (baseURL) => {
    const client = new OpenAI({ baseURL, apiKey: 'sk-test', maxRetries: 0 });
    const image = await picture('house.png');
    await events(await client.images.edit({ ...asked, image, stream: true, partial_images: 2 }));
  };
  assert.deepEqual(await taken('openai-hostile-stream', edit), [...bodies, ...pictures, ...streams]);
});

for (const scenario of ['truncated_stream', 'no_completed']) {
  test(`a stream that ends without its picture: ${scenario}`, async () => {
    const { edit } = await talk(scenario, scenario);
    // The first two answers of truncated_stream are no streams.
    const found = events(await edit({ stream: true, partial_images: 2 }));
    if (scenario === 'no_completed') assert.equal((await found).length, 2);
    else assert(!((await failure(found)) instanceof OpenAI.OpenAIError));
  });
}
