import { cases as table } from "./cases/mod.ts";
import type { Place } from "./backend.ts";
import type { Case } from "./scene.ts";
import { Stage } from "./stage.ts";

/** What of the table is played. */
export interface Choice {
  /** The mirror without a kernel. */
  readonly alone?: boolean;
  /** What is played where $CONFORMANCE is "short", as in a run of all tests: where this place differs from others. */
  readonly short?: readonly string[];
  /** Cases that do not go as locally on this place, `subject: title`, with the reason. */
  readonly expected?: Readonly<Record<string, `never: ${string}`>>;
}

const isShort = Deno.env.get("CONFORMANCE") === "short";

/** Defines a test for each case of the table, on one kind of place. */
export function conformance(
  name: string,
  place: () => Promise<Place>,
  { alone = false, short, expected = {} }: Choice = {},
): void {
  let stage: Stage | undefined;
  const different: string[] = [];
  /** What the cases need that this place has not. */
  const left: string[] = [];
  let count = 0;
  Deno.test.beforeAll(async () => {
    stage = await Stage.start(await place());
  });
  Deno.test.afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    for (const line of different) console.log(`not as locally: ${line}`);
    const all = Object.values(table).reduce((sum, cases) => sum + Object.keys(cases).length, 0);
    console.log(`${name}: ${count} of ${all} cases, of which ${different.length} do not go as locally, as is known`);
    if (left.length > 0) console.log(`${name}: not for this place: ${left.length} cases that need ${counted(left)}`);
  });
  for (const [subject, cases] of Object.entries(table)) {
    if (isShort && short !== undefined && !short.includes(subject)) continue;
    for (const [title, given] of Object.entries(cases)) {
      const common: Case = typeof given === "function" ? { play: given } : given;
      const one: Case = { ...common, expected: expected[`${subject}: ${title}`] ?? common.expected };
      if (alone && one.kernel !== undefined) {
        left.push(one.kernel);
        continue;
      }
      count++;
      Deno.test({
        name: `${name}: ${subject}: ${title}`,
        // What is started stays for the next case.
        sanitizeOps: false,
        sanitizeResources: false,
        async fn() {
          if (one.expected === undefined) return await stage!.compare(one.play);
          if (await differs(stage!, one)) different.push(`${subject}: ${title}: ${one.expected}`);
        },
      });
    }
  }
}

/** `kind (how many), …` */
function counted(kinds: readonly string[]): string {
  return [...new Set(kinds)].map((kind) => `${kind} (${kinds.filter((it) => it === kind).length})`).join(", ");
}

/** Whether a case that is expected to differ does so. */
async function differs(stage: Stage, { play }: Case): Promise<boolean> {
  try {
    await stage.compare(play);
    return false;
  } catch {
    return true;
  }
}
