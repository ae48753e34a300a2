// The service worker: threads without server headers, and the page without a network.

/** Register the worker; the page is loaded once more when it is new. */
export async function isolate() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register("sw.js");
  await navigator.serviceWorker.ready;
  if (!crossOriginIsolated && !sessionStorage.getItem("rtstyle.again")) {
    sessionStorage.setItem("rtstyle.again", "1");
    location.reload();
    await new Promise(() => {});
  }
}
