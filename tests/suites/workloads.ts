import type { Suite } from "./support/suite.ts";
import { workload } from "./workload.ts";

const ledger = `
  for i in 1 2 3 4; do
    (for j in 1 2 3 4; do
      echo "PRAGMA busy_timeout=20000; BEGIN IMMEDIATE; UPDATE sum SET n = n + 1; INSERT INTO log VALUES ($i, $j); COMMIT;" |
        sqlite3 -bail $db >/dev/null || exit 1
    done) & pids="$pids $!"
  done
  for pid in $pids; do wait $pid; done
  sqlite3 $db "SELECT n FROM sum; SELECT count(*), sum(b) FROM log; PRAGMA integrity_check"`;

const sqlite3 = workload({
  program: "sqlite3",
  what: "four writers lose nothing, with a rollback journal and with a write-ahead log",
  // A database's pages lie as the writers came by: what is in it is compared, not the file.
  script: `
    for mode in delete wal; do
      db=$mode.db; pids=
      echo "PRAGMA journal_mode=$mode; CREATE TABLE sum (n); INSERT INTO sum VALUES (0); CREATE TABLE log (a, b);" | sqlite3 $db
      ${ledger}
    done
    sqlite3 big.db "PRAGMA journal_mode=wal; CREATE TABLE t (k INTEGER PRIMARY KEY, v);
      WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 20000) INSERT INTO t SELECT x, hex(x * x) FROM c;
      CREATE INDEX i ON t (v); DELETE FROM t WHERE k % 3 = 0; VACUUM; PRAGMA integrity_check; SELECT count(*), sum(length(v)) FROM t"
    sqlite3 big.db .dump | sha256sum
    rm *.db*`,
});

const git = workload({
  program: "git",
  what: "commits, branches, merges, clones and repacks, to the same hashes",
  script: `
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_AUTHOR_DATE="2001-02-03T04:05:06Z" HOME=$PWD GIT_CONFIG_NOSYSTEM=1
    export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_COMMITTER_DATE="2001-02-03T04:05:06Z"
    git init -q -b main r && cd r
    for i in $(seq 30); do mkdir -p d$((i % 7)); seq $i $((i * 5)) >d$((i % 7))/f$i; done
    git add . && git commit -qm first && git status --short
    git checkout -qb side && seq 5 >d1/new && git mv d1/f1 moved && git commit -qam side
    git checkout -q main && echo x >>d2/f2 && git commit -qam main && git merge -q -m merge side
    git rm -q d3/f3 && git stash -q && git stash pop -q && git commit -qam removed
    git checkout -qb topic HEAD~1 && echo y >topic && git add topic && git commit -qm topic && git rebase -q main
    git gc -q && git fsck --strict && git repack -qad && git count-objects
    git clone -q . ../clone && git worktree add -q ../tree HEAD && git -C ../tree status --short
    git log --all --format=%H | sha256sum; git grep -c 7 | tail -n 1; git archive HEAD | sha256sum
    # Names and times that differ from run to run.
    cd .. && rm -rf r tree && git -C clone status --short && rm -rf clone/.git`,
});

const dpkg = workload({
  program: "dpkg",
  what: "packages are built, installed, upgraded, removed and purged",
  script: `
    export SOURCE_DATE_EPOCH=1000000000
    build() { rm -rf p && mkdir -p p/DEBIAN p/etc p/usr/share/outrun-suite-$1
      printf 'Package: outrun-suite-%s\\nVersion: %s\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: x\\n' $1 $2 >p/DEBIAN/control
      echo /etc/$1.conf >p/DEBIAN/conffiles; echo $2 >p/etc/$1.conf
      for i in $(seq 15); do seq $i $((i * $2)) >p/usr/share/outrun-suite-$1/f$i; done
      ln p/usr/share/outrun-suite-$1/f1 p/usr/share/outrun-suite-$1/hard; ln -s f2 p/usr/share/outrun-suite-$1/soft
      dpkg-deb --root-owner-group -Znone --build p $1-$2.deb >/dev/null; }
    for version in 1 2; do build a $version; build b $version; done
    mkdir -p root/var/lib/dpkg/updates root/var/lib/dpkg/info && : >root/var/lib/dpkg/status && : >root/var/lib/dpkg/available
    d() { dpkg --root=$PWD/root --log=/dev/null --force-script-chrootless "$@" >log 2>&1 || { cat log; exit 1; }; }
    d -i a-1.deb b-1.deb && d -i a-2.deb && d -r outrun-suite-b && d -i b-2.deb && d -P outrun-suite-a
    dpkg --root=$PWD/root -l | tail -n 2; dpkg --root=$PWD/root --verify; find root/usr root/etc | wc -l
    rm -rf p log root/var/lib/dpkg/*-old`,
});

/** Programs that every Debian has a package of. */
export const workloads: Readonly<Record<string, Suite>> = { sqlite: sqlite3, git, dpkg };
