/** The video that the demonstration and the benchmarks encode. Every command line is for ffmpeg, without its name. */

/** Its length in seconds. */
export const VIDEO_SECONDS = 6;
export const VIDEO_SIZE = "640x360";

/** Writes the source to `path`. */
export function makeVideo(path: string): string[] {
  const pattern = `testsrc2=size=${VIDEO_SIZE}:rate=30:duration=${VIDEO_SECONDS}`;
  return ["-v", "error", "-y", "-f", "lavfi", "-i", pattern, "-c:v", "libx264", "-preset", "ultrafast", path];
}

/** Encodes it anew. The number of threads is part of what x264 does: left open, it would follow that of the processors. */
export function encodeVideo(from: string, to: string): string[] {
  return ["-v", "error", "-y", "-i", from, "-c:v", "libx264", "-threads", "2", to];
}
