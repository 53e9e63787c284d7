// Without this script every video has its own controls. With it, a card's real and generated video play in step: the
// generated one leads with its sound, the real one follows without; a video with another clip's sound plays alone.
function group(card, videos, lead, button, slider, head) {
  const others = videos.filter((one) => one !== lead);
  const name = button.textContent;
  others.forEach((one) => { one.muted = true; });
  const follow = () => {
    for (const one of others) {
      const wanted = Math.min(lead.currentTime, one.duration || 0);
      if (Math.abs(one.currentTime - wanted) > 0.06) one.currentTime = wanted;
    }
  };
  const show = () => {
    if (slider && lead.duration) slider.value = lead.currentTime / lead.duration;
    if (head) {
      head.style.display = "block";
      head.style.left = Math.min(100, 100 * lead.currentTime / Number(head.dataset.seconds)) + "%";
    }
  };
  const tick = () => {
    show();
    if (!lead.paused) { follow(); requestAnimationFrame(tick); }
  };
  lead.addEventListener("play", () => {
    for (const one of document.querySelectorAll("video")) if (!videos.includes(one)) one.pause();
    others.forEach((one) => { one.currentTime = lead.currentTime; one.play().catch(() => {}); });
    button.textContent = "Pause";
    tick();
  });
  lead.addEventListener("pause", () => {
    others.forEach((one) => one.pause());
    button.textContent = name;
  });
  lead.addEventListener("seeked", () => { follow(); show(); });
  const toggle = () => { lead.paused ? lead.play() : lead.pause(); };
  button.addEventListener("click", toggle);
  videos.forEach((one) => { one.controls = false; one.addEventListener("click", toggle); });
  if (slider) slider.addEventListener("input", () => { if (lead.duration) lead.currentTime = slider.value * lead.duration; });
}
for (const card of document.querySelectorAll("[data-card]")) {
  const inStep = [...card.querySelectorAll("video[data-step]")];
  const row = card.querySelector(".play");
  const [together, alone] = row.querySelectorAll("button");
  const lead = inStep.find((one) => one.dataset.step === "lead") || inStep[0];
  const heads = card.querySelectorAll(".head");
  if (lead) group(card, inStep, lead, together, row.querySelector("input"), heads[0]);
  const other = card.querySelector("video[data-alone]");
  if (other && alone) group(card, [other], other, alone, null, heads[1]);
  row.hidden = !lead && !other;
}
