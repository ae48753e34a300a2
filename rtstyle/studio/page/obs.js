// The picture alone, for a browser source of OBS.

import { Link } from "./link.js";
import { PictureView } from "./picture.js";

const given = new URLSearchParams(`${location.search.slice(1)}&${location.hash.slice(1)}`).get("view") ?? "";
const text = document.getElementById("text");
const view = new PictureView(document.getElementById("picture"), { onDrawn: () => { text.textContent = ""; } });
const link = new Link("/ws/view", given, {
  onPicture: (data) => view.show(data, () => link.send("a")),
  onLost: () => { text.textContent = "rtstyle is not running"; },
  onRefused: () => { text.textContent = "This address is of an earlier run; copy the new one from the studio"; },
});
