/**
 * The field's own suites, and hard use of a file system, through a session of outrun on a second host.
 *
 *     scripts/test suites                                  those that are here, for a few seconds each
 *     scripts/test suites sqlite                           one
 *     PJDFSTEST=~/pjdfstest scripts/test suites pjdfstest  one that is no Debian package: built, and named
 *     SUITE_OPERATIONS=100000 SUITE_SEEDS=1,2,3 FSX=~/xfstests/ltp/fsx scripts/test suites fsx
 *     SUITE_RTT=20 scripts/test suites
 *     SUITE_SECONDS=600 FSSTRESS=~/xfstests/ltp/fsstress scripts/test suites fsstress
 *
 * Objective: what others use to find faults of file systems finds none here that the local disk has not. Each suite runs
 * on this machine as well, and is compared with that. What is known to fail stands in excluded/, with a reason for each
 * entry; an entry that does not fail any more fails the run. A suite that is not on this machine is counted as skipped,
 * with what to do about it.
 *
 * Rejected: bringing the suites along, or building them here (they are others' work, under other licences).
 */
import { fio } from "./fio.ts";
import { fsstress } from "./fsstress.ts";
import { fsx } from "./fsx.ts";
import { pjdfstest } from "./pjdfstest.ts";
import { randomFile } from "./random_file.ts";
import { randomTrees } from "./random_trees.ts";
import type { Suite } from "./support/suite.ts";
import { workloads } from "./workloads.ts";

/** By name. */
export const suites: Readonly<Record<string, Suite>> = {
  "random file": randomFile,
  "random trees": randomTrees,
  fio,
  ...workloads,
  pjdfstest,
  fsx,
  fsstress,
};
