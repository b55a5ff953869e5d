/**
 * The visitor's camera. The page reads frames from a video element whenever it has labelled the one before.
 */

/** A camera that is on. */
export interface Camera {
  readonly video: HTMLVideoElement;
  stop(): void;
}

/**
 * Asks the visitor and starts the camera, preferably the one on the back of a phone, without sound. @throws
 * Error with the reason why there is no picture
 */
export async function startCamera(): Promise<Camera> {
  const { mediaDevices } = navigator as { readonly mediaDevices?: MediaDevices };
  if (!mediaDevices) throw new Error("the browser gives a camera only to https pages and to localhost");
  let stream: MediaStream;
  try {
    stream = await mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`there is no picture of a camera (${words})`, { cause });
  }
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  return {
    video,
    stop() {
      for (const track of stream.getTracks()) track.stop();
    },
  };
}
