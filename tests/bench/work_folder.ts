/** Waits for the end of stdin. Whoever still writes there may keep the first attempts from emptying the folder. */
const REMOVE = 'cat; for try in 1 2 3 4 5; do rm -rf -- "$1" && exit; sleep 1; done';

/** A private folder that goes with this process, even on kill -9: a process of its own waits for that. */
export class WorkFolder implements AsyncDisposable {
  readonly path: string;
  readonly #remover: Deno.ChildProcess;

  private constructor(path: string) {
    this.path = path;
    this.#remover = new Deno.Command("setsid", {
      args: ["sh", "-c", REMOVE, "sh", path],
      stdin: "piped",
      stdout: "null",
    }).spawn();
  }

  /** Makes one in `parent`, which is made if need be and stays. */
  static async make(parent: string): Promise<WorkFolder> {
    await Deno.mkdir(parent, { recursive: true });
    return new WorkFolder(await Deno.makeTempDir({ dir: parent, prefix: "run-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remover.stdin.close();
    await this.#remover.status;
  }
}
