"""List the sentences into which a prompt is inserted for CLIP."""

import functools

LEFT_OUT = "a photo of many {}."
"""The only one of OpenAI's 80 ImageNet sentences that CLIPstyler does not use."""


@functools.cache
def prompt_templates() -> tuple[str, ...]:
    """Return CLIPstyler's 79 sentences, each with one ``{}`` for the prompt.

    Source:
        CLIPstyler (Kwon and Ye 2022), ``template.py``: the ImageNet sentences of the
        CLIP repository in their order, which open_clip carries, without `LEFT_OUT`.
    """
    import open_clip

    sentences = [fill("{}") for fill in open_clip.OPENAI_IMAGENET_TEMPLATES]
    return tuple(text for text in sentences if text != LEFT_OUT)
