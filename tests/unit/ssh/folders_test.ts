import assert from "node:assert/strict";
import { FakeRemote } from "./fake_remote.ts";

const ignore = Deno.uid() !== 0;
/** Private mounts, then the shell. */
const inMounts = (script: string) => ["unshare", "-m", "sh", "-c", `set -e; ${script}; exec sh`];

/** The same in folders of one's own, with these mount options, in place of all that an agent may go to. */
const inFresh = (options: string, script = ":") =>
  inMounts(`for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o ${options} none $d; done; ${script}`);

Deno.test({
  name: "the bootstrap script passes over folders that are read-only or run no programs",
  ignore,
  async fn() {
    for (const options of ["ro", "noexec"]) {
      await using remote = new FakeRemote();
      const executable = await remote.agent(1000);
      const argv = inMounts(`mount -t tmpfs -o ${options} none "$HOME"; mount -t tmpfs none /var/tmp`);
      const { said } = await remote.talk(executable, { carrier: remote.carrier(argv) });
      assert.equal(said[0], `/var/tmp/.outrun-0/agent-${executable.sha256}`, options);
    }
  },
});

Deno.test({
  name: "the bootstrap script trusts no folder that is a link, or belongs to somebody else",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(1000);
    const home = `cd /dev/shm; mkdir real .cache; ln -s ../real .cache/outrun`;
    const argv = inFresh("mode=1777", `${home}; mkdir /var/tmp/.outrun-0; chown 1:1 /var/tmp/.outrun-0`);
    const { said } = await remote.talk(executable, { carrier: remote.carrier(argv, { HOME: "/dev/shm" }) });
    assert.equal(said[0], `/tmp/.outrun-0/agent-${executable.sha256}`);
  },
});

Deno.test({
  name: "dial() says where there is no room",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(4_000_000);
    const carrier = remote.carrier(inFresh("size=1m", 'mkdir "$HOME"'), { HOME: "/tmp/home" });
    await assert.rejects(remote.dial(executable, { carrier }), {
      message: 'Cannot install on "fake": /tmp/home/.cache/outrun has 1 MB free and needs 6 MB; make room there',
      exitStatus: 254,
    });
  },
});

Deno.test({
  name: "dial() says that no folder takes the agent",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(1000);
    const carrier = remote.carrier(inFresh("ro"), { HOME: "/tmp/home" });
    await assert.rejects(remote.dial(executable, { carrier }), /no folder there .* set XDG_CACHE_HOME/);
  },
});

Deno.test({
  name: "dial() says that the kernel there has no FUSE",
  ignore,
  async fn() {
    await using remote = new FakeRemote();
    const executable = await remote.agent(1000);
    const without = `mount --bind /dev/null /proc/filesystems; touch "$HOME/no"; mount --bind "$HOME/no" /dev/fuse`;
    const carrier = remote.carrier(inMounts(without));
    await assert.rejects(remote.dial(executable, { carrier }), /there is no \/dev\/fuse .*modprobe fuse/);
    // An agent that is installed does not change that.
    await remote.talk(executable);
    await assert.rejects(remote.dial(executable, { carrier }), /there is no \/dev\/fuse .*modprobe fuse/);
  },
});
