import project from "../../deno.json" with { type: "json" };

/** This program's version. */
export const version: string = project.version;
