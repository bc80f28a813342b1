/** The list, on Debian's own kernel, emulated: slow, and so no part of what every change is tested by. */
import { ensureRootfs } from "../hosts/mod.ts";
import { playList } from "./list.ts";
import { startVirtualMachine } from "./virtual_machine.ts";

playList({
  name: "kernel 6.1",
  start: async () => {
    const machine = await startVirtualMachine({ name: "emulated", rootfs: await ensureRootfs() });
    return { alias: machine.name, sshConfig: machine.sshConfig, stop: () => machine.stop() };
  },
});
