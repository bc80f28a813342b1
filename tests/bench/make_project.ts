import { generator } from "./make_tree.ts";

/** C files beside the one with `main`. */
const PARTS = 12;
/** Makes a compiler work on each for a few hundred ms. */
const FUNCTIONS = 26;

/** Makes a C project of 13 files, 6 headers and a makefile at `path`. Deterministic. */
export async function makeProject(path: string): Promise<void> {
  const random = generator(13);
  await Deno.mkdir(`${path}/include`, { recursive: true });
  const files = [
    ["Makefile", makefile],
    ["main.c", main()],
    ["include/common.h", common],
    ...Array.from({ length: PARTS }, (_, part) => [`part_${part}.c`, makePart(part, random)]),
    ...Array.from({ length: PARTS / 2 - 1 }, (_, header) => [`include/table_${header}.h`, makeHeader(header)]),
  ];
  for (const [name, text] of files) await Deno.writeTextFile(`${path}/${name}`, text);
}

const makefile = `CFLAGS = -O2 -g -Wall -Iinclude
objects = main.o ${Array.from({ length: PARTS }, (_, part) => `part_${part}.o`).join(" ")}
program: $(objects)
\t$(CC) -o $@ $(objects)
$(objects): include/common.h
`;

const common = `#ifndef COMMON_H
#define COMMON_H
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
${Array.from({ length: PARTS / 2 - 1 }, (_, header) => `#include "table_${header}.h"`).join("\n")}
struct item { uint32_t key, count; char name[32]; struct item *next; };
${Array.from({ length: PARTS }, (_, part) => `uint32_t run_part_${part}(struct item *items, size_t count);`).join("\n")}
#endif
`;

function makeHeader(header: number): string {
  const rows = Array.from({ length: 64 }, (_, row) => `  ${(row * 2654435761 + header) % 4294967296}u,`);
  return `static const unsigned table_${header}[64] = {\n${rows.join("\n")}\n};\n`;
}

function makePart(part: number, random: () => number): string {
  const number = () => Math.floor(random() * 1e6);
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => `
static uint32_t step_${index}(struct item *items, size_t count) {
  uint32_t sum = ${number()}u;
  for (size_t i = 0; i < count; i++) {
    items[i].key = items[i].key * ${number() * 2 + 1}u + table_${index % 5}[i % 64];
    if (items[i].key % ${index + 2} == 0) snprintf(items[i].name, sizeof items[i].name, "item %zu of ${index}", i);
    else if (isalpha((unsigned char) items[i].name[0])) memset(items[i].name, 'a' + i % 26, ${index % 30 + 1});
    switch (items[i].key & 7) {
      case 0: sum += strlen(items[i].name); break;
      case 3: sum ^= items[i].count << ${index % 13}; break;
      case 5: items[i].count += ${number()}u; break;
      default: sum = (sum >> 3) | (sum << 29);
    }
  }
  return sum;
}`);
  const calls = Array.from({ length: FUNCTIONS }, (_, index) => `  sum ^= step_${index}(items, count);`);
  return `#include "common.h"\n${functions.join("\n")}\n
uint32_t run_part_${part}(struct item *items, size_t count) {
  uint32_t sum = ${part};
${calls.join("\n")}
  return sum;
}
`;
}

function main(): string {
  const calls = Array.from({ length: PARTS }, (_, part) => `  sum += run_part_${part}(items, 100);`);
  return `#include "common.h"

int main(void) {
  static struct item items[100];
  uint32_t sum = 0;
${calls.join("\n")}
  printf("%u\\n", (unsigned) sum);
  return 0;
}
`;
}
