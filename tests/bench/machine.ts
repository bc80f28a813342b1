/** One line on what was measured where, so that two outputs can be compared at all. */
export async function describeMachine(): Promise<string> {
  const [model] = /^model name\s*: (.*)/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.slice(1) ?? [Deno.build.arch];
  const commit = await firstLine(["git", "describe", "--always", "--dirty"]);
  const ssh = (await firstLine(["ssh", "-V"])).split(",")[0];
  const processors = `${navigator.hardwareConcurrency} × ${model}`;
  return `Commit ${commit}; ${processors}, Linux ${Deno.osRelease()}, ${ssh}`;
}

/** ssh tells its version on stderr. */
async function firstLine([program, ...args]: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).split("\n")[0];
}
