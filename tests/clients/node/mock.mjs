// The server that `mockserver -- npm test` started, as the tests see it: sessions, orders, journal. It knows no client.
import assert from 'node:assert/strict';

export const root = process.env.MOCKSERVER_URL;
assert(root, 'MOCKSERVER_URL is not set: run this as `mockserver -- npm test`');

/** A picture of 256 by 256 pixels with an alpha channel, so that it does for a mask too. */
export const house = Buffer.from(await (await fetch(`${root}/__mock/sample.png`)).arrayBuffer());

/** A session of its own, which plays these steps or a built-in scenario. */
export async function session(name, scenario = 'ok') {
  const played = typeof scenario === 'string' ? { extends: scenario } : { steps: scenario, then: 'hold' };
  const body = JSON.stringify({ scenario: name, ...played });
  const answer = await fetch(`${root}/__mock/scenario?session=${name}`, { method: 'PUT', body });
  assert.equal(answer.status, 200, await answer.text());
  return { baseURL: `${root}/__mock/s/${name}/v1`, entries: () => entries(name) };
}

async function entries(name) {
  const answer = await fetch(`${root}/__mock/journal?session=${name}`);
  return (await answer.json()).entries;
}

/** The statuses that a session's requests got, the first one first. */
export const statuses = async (asked) => (await asked.entries()).map((entry) => entry.answer.status);

/** The error that a call failed with. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('it was taken for a success');
}

/** The width and height that a PNG says it has. */
export function size(picture) {
  const bytes = Buffer.from(picture);
  assert.equal(bytes.toString('latin1', 1, 4), 'PNG');
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

/** The faults of the scenario `hostile` whose answers an edit takes for a success; the last one only stalls. */
export async function taken(name, edit) {
  const found = await session(name, 'hostile');
  const successes = [];
  for (let step = 1; step < 28; step += 1) {
    const outcome = await edit(found.baseURL).then(() => true, () => false);
    const { turn } = (await found.entries()).at(-1);
    // A fault of streams finds nothing to do in a JSON answer, and the other way round.
    if (outcome && turn.hostile) successes.push(turn.faults.join());
  }
  // Which byte is garbled is a matter of chance.
  return successes.filter((fault) => fault !== 'garble');
}
