/** A tree of source files for measurements: always the same for the same numbers. */

/** How large a tree is to be. */
export interface TreeSize {
  readonly files: number;
  readonly directories: number;
}

const WORDS = "the of and to in is that for it as was with be by on not he his but at are this have from".split(" ");
/** As in the trees of real projects: most files have some KB, few have many. */
const MEDIAN_BYTES = 2500;

/** Makes a tree of text files at `path`, three levels deep, like the sources of a project. Deterministic. */
export async function makeTree(path: string, { files, directories }: TreeSize): Promise<void> {
  const random = generator(files * 31 + directories);
  const folders = makeFolderNames(directories);
  for (const folder of folders) await Deno.mkdir(`${path}/${folder}`, { recursive: true });
  for (let i = 0; i < files; i++) {
    const folder = folders[i % folders.length];
    await Deno.writeTextFile(`${path}/${folder}/file_${i}.${i % 3 === 0 ? "h" : "c"}`, text(random));
  }
}

/** A third of the directories on each level, below those of the level above by turns. */
function makeFolderNames(count: number): string[] {
  const names: string[] = [];
  const perLevel = Math.ceil(count / 3);
  for (let i = 0; i < count; i++) {
    const above = i < perLevel ? "" : `${names[i - perLevel]}/`;
    names.push(`${above}part_${i}`);
  }
  return names;
}

function text(random: () => number): string {
  // Between a tenth and ten times the median.
  const length = MEDIAN_BYTES * 10 ** (2 * random() - 1);
  let lines = "";
  while (lines.length < length) {
    const words = Array.from({ length: 10 }, () => WORDS[Math.floor(random() * WORDS.length)]);
    lines += `${words.join(" ")} ${Math.floor(random() * 1e6)}\n`;
  }
  return lines;
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
