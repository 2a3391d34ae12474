/** What a door answers, and to whom. */

import { expect, test } from "vitest";
import { Secret } from "../../src/index.ts";
import { answerOf, headersOf } from "../../src/operations/answer.ts";
import { Health } from "../../src/operations/health.ts";

test("from other machines only who shows the token sees more than whether it is well", async () => {
  const health = new Health(["worker"]);
  const tenants = [{ health, registry: undefined, token: new Secret("the-token") }];
  const question = { method: "GET", url: "/livez?verbose", authorization: undefined, isLocal: false };
  expect(await answerOf({ ...question, url: "/livez" }, tenants)).toMatchObject({ status: 200, text: "ok\n" });
  const refused = await answerOf(question, tenants);
  expect(refused.status).toBe(401);
  expect(headersOf(refused)).toMatchObject({ "www-authenticate": "Bearer" });
  expect(headersOf(await answerOf({ ...question, method: "PUT" }, tenants))).toMatchObject({ allow: "GET, HEAD" });
  expect(await answerOf({ ...question, authorization: "Bearer the-token" }, tenants)).toMatchObject({ status: 200 });
  expect(await answerOf({ ...question, isLocal: true }, tenants)).toMatchObject({ status: 200 });
});
