import type { Cases } from "../scene.ts";
import { attributes } from "./attributes.ts";
import { coherence } from "./coherence.ts";
import { content } from "./content.ts";
import { attributesOfUsers, ranges } from "./extended.ts";
import { folders } from "./folders.ts";
import { limits } from "./limits.ts";
import { locking } from "./locks.ts";
import { links, names } from "./names.ts";
import { opening } from "./opening.ts";
import { original } from "./original.ts";
import { permissions } from "./permissions.ts";
import { memory, programs } from "./programs.ts";
import { renaming } from "./renaming.ts";

/** All cases, by subject. */
export const cases: Readonly<Record<string, Cases>> = {
  names,
  links,
  opening,
  content,
  renaming,
  folders,
  attributes,
  permissions,
  "extended attributes": attributesOfUsers,
  ranges,
  memory,
  programs,
  locks: locking,
  limits,
  coherence,
  "the original's failures": original,
};
