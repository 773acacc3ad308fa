// Vercel's AI SDK with its OpenAI provider: edits, every refusal as its own exception, retries, what it gets wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, RetryError, generateImage } from 'ai';

import { families, fills, row, seen } from './catalogue.mjs';
import { failure, house, session, size, statuses, taken } from './mock.mjs';

async function talk(name, scenario) {
  const found = await session(`ai-${name}`, scenario);
  const openai = createOpenAI({ baseURL: found.baseURL, apiKey: 'sk-test' });
  const edit = ({ prompt, ...more } = {}) =>
    generateImage({
      model: openai.image('gpt-image-2'),
      prompt: { text: 'Make it night', images: [house], ...prompt },
      size: '1024x1024',
      providerOptions: { openai: { quality: 'low' } },
      maxRetries: 0,
      ...more,
    });
  return { ...found, edit };
}

test('a plain edit', async () => {
  const { edit, entries } = await talk('plain');
  const { image, usage } = await edit();
  assert.equal(image.mediaType, 'image/png');
  assert.deepEqual(size(image.uint8Array), [1024, 1024]);
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
  const [{ request, job }] = await entries();
  assert.deepEqual(request.files.map((file) => [file.field, file.declared_type]), [['image', 'image/png']]);
  assert.equal(job.parameters.quality, 'low');
});

test('several images and a mask', async () => {
  const { edit, entries } = await talk('several');
  await edit({ prompt: { images: [house, house], mask: house } });
  const [{ request, job }] = await entries();
  assert.deepEqual(request.files.map((file) => file.field), ['image[]', 'image[]', 'mask']);
  assert.equal(job.images.length, 2);
  assert.equal(job.mask, job.images[0]);
});

test('several pictures', async () => {
  const { edit } = await talk('pictures');
  assert.equal((await edit({ n: 3 })).images.length, 3);
});

for (const family of families(false)) {
  test(`refusal ${family}`, async () => {
    const { edit, entries } = await talk(family, [{ error: family, times: 'forever' }]);
    const error = await failure(edit());
    const found = row((await entries()).at(-1), family);
    assert(APICallError.isInstance(error), String(error));
    assert.equal(error.statusCode, found.status);
    assert.equal(error.isRetryable, found.status === 429 || found.status >= 500);
    if (found.wire !== 'empty') assert.match(error.responseHeaders['x-request-id'], /^req_/);
    for (const field of ['type', 'param', 'code']) fills(error.data?.error[field], seen(found)?.[field], field);
    if (seen(found)) fills(error.message, found.message, 'message');
  });
}

test('two retries on flaky', async () => {
  const found = await talk('flaky-2', 'flaky');
  const error = await failure(found.edit({ maxRetries: 2 }));
  assert(RetryError.isInstance(error));
  assert.equal(error.reason, 'maxRetriesExceeded');
  assert.equal(error.lastError.statusCode, 500);
  assert.deepEqual(await statuses(found), [429, 429, 500]);
});

test('three retries on flaky', async () => {
  const found = await talk('flaky-3', 'flaky');
  assert((await found.edit({ maxRetries: 3 })).image);
  assert.deepEqual(await statuses(found), [429, 429, 500, 200]);
});

test('a connection that is reset', async () => {
  const { edit } = await talk('reset', 'reset');
  const error = await failure(edit());
  assert(APICallError.isInstance(error), String(error));
  assert.equal(error.statusCode, undefined);
});

test('a stall, with a deadline', async () => {
  const { edit } = await talk('stall', 'stall');
  assert.equal((await failure(edit({ abortSignal: AbortSignal.timeout(300) }))).name, 'TimeoutError');
});

test('what it takes for a success', async () => {
  const edit = (baseURL) =>
    generateImage({
      model: createOpenAI({ baseURL, apiKey: 'sk-test' }).image('gpt-image-2'),
      prompt: { text: 'Make it night', images: [house] },
      maxRetries: 0,
    });
  const found = await taken('ai-hostile', edit);
  assert.deepEqual(found, ['content_type', 'huge_number', 'bad_base64', 'other_image']);
});

test('an empty account is asked again', async () => {
  const found = await talk('quota', 'quota_exhausted');
  const error = await failure(found.edit({ maxRetries: 1 }));
  assert.equal(error.lastError.data.error.code, 'insufficient_quota');
  // No retry helps, but it tries.
  assert.deepEqual(await statuses(found), [429, 429]);
});
