"""Each rule on ten sentences made by hand; None where a rule does not apply or is not sure."""

import random

import pytest

from nonet.felix.rules import fusion
from nonet.felix.rules.compression import compressed
from nonet.felix.rules.disfluency import disfluent
from nonet.felix.rules.parsing import parser
from nonet.felix.rules.voice import to_active, to_passive

pytestmark = pytest.mark.slow  # loads spaCy
SINGLE = {
    fusion.forward_connective: [
        ("Although it rained, the children went out.", "It rained. The children went out."),
        ("Because the road was closed, we took the train.", "The road was closed. We took the train."),
        ("Since she was ill, her brother wrote the letter.", "She was ill. Her brother wrote the letter."),
        ("While the king slept, the guards played cards.", "The king slept. The guards played cards."),
        ("Though he had no money, he bought the house.", "He had no money. He bought the house."),
        ("Even though the team lost, the fans cheered.", "The team lost. The fans cheered."),
        ("Although rain fell.", None),
        ("Since 1990, the town has grown.", None),
        ("Because of the storm, the flight was late.", None),
        ("The children went out although it rained.", None),
    ],
    fusion.inner_connective: [
        ("The children went out although it rained.", "The children went out. It rained."),
        ("She stayed at home because she was ill.", "She stayed at home. She was ill."),
        ("He likes tea, whereas she likes coffee.", "He likes tea. She likes coffee."),
        ("They left early so that they could catch the train.", "They left early. They could catch the train."),
        ("The plan works unless the weather changes.", "The plan works. The weather changes."),
        ("He smiled even though he was tired.", "He smiled. He was tired."),
        ("The guards played cards while the king slept.", "The guards played cards. The king slept."),
        ("The shop closed because of the storm.", None),
        ("She read a book.", None),
        ("We can start now that everybody is here.", "We can start. Everybody is here."),
    ],
    fusion.cataphora: [
        ("Stating that it was late, Walker left the room.", "Walker stated that it was late. Walker left the room."),
        ("Opening the door, Anna saw a dog.", "Anna opened the door. Anna saw a dog."),
        ("Leaving the army, Grant moved to Ohio.", "Grant left the army. Grant moved to Ohio."),
        ("Taking the train, the family arrived early.", "The family took the train. The family arrived early."),
        ("Losing the war, the king signed the treaty.", "The king lost the war. The king signed the treaty."),
        ("Knowing the answer, Peter raised his hand.", "Peter knew the answer. Peter raised his hand."),
        ("Finishing the book, she wrote a letter.", "She finished the book. She wrote a letter."),
        ("Walking is healthy.", None),
        ("Anna saw a dog.", None),
        ("Seeing the fire, there was panic.", None),
    ],
    fusion.sentence_coordination: [
        ("It rained, and the children stayed at home.", "It rained. The children stayed at home."),
        ("The king died, but his son ruled for years.", "The king died. His son ruled for years."),
        ("Anna plays the piano, and Peter sings a song.", "Anna plays the piano. Peter sings a song."),
        ("He was tired, so he went to bed.", "He was tired. He went to bed."),
        ("The road was closed, yet the bus came.", "The road was closed. The bus came."),
        ("They must leave now, or they will miss the train.", "They must leave now. They will miss the train."),
        ("She read a book and wrote a letter.", None),
        ("Bread and butter are cheap.", None),
        ("The shop opened in May, and it closed in June.", "The shop opened in May. It closed in June."),
        ("The sun is hot and bright.", None),
    ],
    fusion.verb_coordination: [
        ("The children stayed at home and read books.", "The children stayed at home. The children read books."),
        ("Anna opened the door and saw a dog.", "Anna opened the door. Anna saw a dog."),
        ("The king signed the treaty but broke it later.", "The king signed the treaty. The king broke it later."),
        ("He lives in Paris and works in Rome.", "He lives in Paris. He works in Rome."),
        ("The team won the game and celebrated.", "The team won the game. The team celebrated."),
        ("She closed the window and locked the door.", "She closed the window. She locked the door."),
        ("They like tea and drink it daily.", "They like tea. They drink it daily."),
        ("Bread and butter are cheap.", None),
        ("It rained, and the children stayed at home.", None),
        ("He can sing and dance.", None),
    ],
    fusion.relative_clause: [
        ("Turing, who was born in 1912, was a mathematician.", "Turing was a mathematician. Turing was born in 1912."),
        ("The bridge, which was built in 1890, is closed.", "The bridge is closed. The bridge was built in 1890."),
        (
            "The king, whose son died in 1890, built the castle.",
            "The king built the castle. The king's son died in 1890.",
        ),
        ("The river, which flows through Bonn, is wide.", "The river is wide. The river flows through Bonn."),
        ("The teacher, who lives in Rome, speaks Italian.", "The teacher speaks Italian. The teacher lives in Rome."),
        ("The novel, which won a prize, was written in 1950.", "The novel was written in 1950. The novel won a prize."),
        ("They visited the castle, which stands on a hill.", "They visited the castle. The castle stands on a hill."),
        ("The man who came late sat down.", None),
        ("Who was the king?", None),
        ("The painter, who died young, left no children.", "The painter left no children. The painter died young."),
    ],
    fusion.apposition: [
        ("Turing, a mathematician, was born in London.", "Turing was born in London. Turing was a mathematician."),
        ("Bonn, the old capital, lies on the Rhine.", "Bonn lies on the Rhine. Bonn is the old capital."),
        ("The town, his old home, burned down.", "The town burned down. The town was his old home."),
        (
            "The Nile, a river in Africa, floods every year.",
            "The Nile floods every year. The Nile is a river in Africa.",
        ),
        ("Paul, the youngest son, became a priest.", "Paul became a priest. Paul was the youngest son."),
        ("His wife, a doctor, works in Rome.", "His wife works in Rome. His wife is a doctor."),
        ("The dog, an old terrier, slept all day.", "The dog slept all day. The dog was an old terrier."),
        ("Anna, Peter and Paul went home.", None),
        ("The sun is hot.", None),
        ("In May, the shop closed.", None),
    ],
    compressed: [
        ("Turing, a mathematician, was born in London.", "Turing was born in London."),
        ("The river (the longest in Africa) floods every year.", "The river floods every year."),
        ("The bridge, which was built in 1890, is closed.", "The bridge is closed."),
        ("Anna (born 1950) studied law in Rome.", "Anna studied law in Rome."),
        ("Bonn, the old capital, lies on the Rhine.", "Bonn lies on the Rhine."),
        ("The painter, who died young, left no children.", "The painter left no children."),
        ("The sun is hot.", None),
        ("She read a book and wrote a letter.", None),
        ("The town had 300 houses (1890) and a church.", "The town had 300 houses and a church."),
        ("The dog, an old terrier, slept all day.", "The dog slept all day."),
    ],
    to_passive: [
        ("The cat ate the mouse.", "The mouse was eaten by the cat."),
        ("Anna wrote the letter.", "The letter was written by Anna."),
        ("The dogs chased the cats.", "The cats were chased by the dogs."),
        ("She wrote the book in 1950.", "The book was written by her in 1950."),
        ("The king signs the treaty.", "The treaty is signed by the king."),
        ("Peter saw her.", "She was seen by Peter."),
        ("They built the bridge.", "The bridge was built by them."),
        ("The teacher praised the girls.", "The girls were praised by the teacher."),
        ("He has a house.", None),
        ("The children sleep.", None),
    ],
    to_active: [
        ("The mouse was eaten by the cat.", "The cat ate the mouse."),
        ("The letter was written by Anna.", "Anna wrote the letter."),
        ("The cats were chased by the dogs.", "The dogs chased the cats."),
        ("The book was written by her in 1950.", "She wrote the book in 1950."),
        ("The treaty is signed by the king.", "The king signs the treaty."),
        ("She was seen by Peter.", "Peter saw her."),
        ("The bridge was built by them.", "They built the bridge."),
        ("The girls were praised by the teacher.", "The teacher praised the girls."),
        ("The house was built in 1950.", None),
        ("The children sleep.", None),
    ],
}
PAIRED = {
    fusion.paired_connective: [
        ("It rained. However, they went out.", "It rained. They went out."),
        ("The king died. Therefore, his son ruled.", "The king died. His son ruled."),
        ("She was ill. As a result, she stayed at home.", "She was ill. She stayed at home."),
        ("He likes tea. For example, he drinks it daily.", "He likes tea. He drinks it daily."),
        ("The road was closed. Nevertheless, the bus came.", "The road was closed. The bus came."),
        ("The shop is cheap. In addition, it opens early.", "The shop is cheap. It opens early."),
        ("Anna sang. Meanwhile, Peter read a book.", "Anna sang. Peter read a book."),
        ("It rained. They went out.", None),
        ("The team lost. In fact, they played badly.", "The team lost. They played badly."),
        ("They ate. Then they slept.", "They ate. They slept."),
    ],
    fusion.anaphora: [
        ("Alan Turing was born in 1912. He died in 1954.", "Alan Turing was born in 1912. Alan Turing died in 1954."),
        ("Anna Schmidt studied law. She lives in Rome.", "Anna Schmidt studied law. Anna Schmidt lives in Rome."),
        ("John Miller wrote a book. He won a prize.", "John Miller wrote a book. John Miller won a prize."),
        ("Mary Smith met John Miller. She liked tea.", None),
        ("The town is old. It has a church.", None),
        ("Peter Brown lives in Bonn. He works in a bank.", "Peter Brown lives in Bonn. Peter Brown works in a bank."),
        (
            "Marie Curie won two prizes. She was born in Warsaw.",
            "Marie Curie won two prizes. Marie Curie was born in Warsaw.",
        ),
        (
            "George Washington led the army. He became president.",
            "George Washington led the army. George Washington became president.",
        ),
        ("It rained. He went out.", None),
        ("John Miller left. They stayed.", None),
    ],
    fusion.unrelated: [
        ("The sun is hot. The shop opened in May.", "The sun is hot. The shop opened in May."),
        ("It rained. However, they went out.", None),
        ("Anna sang. She was tired.", None),
        ("The king died. The war began in June.", "The king died. The war began in June."),
        ("Peter lives in Bonn. The Rhine is a river.", "Peter lives in Bonn. The Rhine is a river."),
        ("Yes. The road was closed.", None),
        ("The dog slept. A cat came in.", "The dog slept. A cat came in."),
        ("The town is old. Many houses were built in 1890.", "The town is old. Many houses were built in 1890."),
        ("The team lost. Therefore, they cried.", None),
        ("No. Maybe.", None),
    ],
}


def parsed(text):
    return list(parser()(text).sents)


def text_of(found):
    return found.both if isinstance(found, fusion.Apart) else found


@pytest.mark.parametrize("rule", SINGLE, ids=lambda rule: rule.__name__)
def test_a_sentence(rule):
    assert len(SINGLE[rule]) == 10
    assert [(text, text_of(rule(parsed(text)[0]))) for text, _ in SINGLE[rule]] == SINGLE[rule]


def test_a_sentence_that_is_parsed_wrongly_is_left_alone():
    sent = parsed("Anna plays the piano and Peter sings.")[0]
    assert sent[6].pos_ == "NOUN"  # "sings", to the parser
    assert fusion.apart(sent) is None


@pytest.mark.parametrize("rule", PAIRED, ids=lambda rule: rule.__name__)
def test_two_neighbours(rule):
    assert len(PAIRED[rule]) == 10
    for text, wanted in PAIRED[rule]:
        first, second = parsed(text)
        found = rule(first, second)
        assert text_of(found) == wanted
        assert found is None or found.whole == text


def test_a_disfluency_adds_words_and_takes_none_away():
    kept = [text for text, _ in SINGLE[to_passive]]
    made = [disfluent(parsed(text)[0], ["river"], random.Random(number)) for number, text in enumerate(kept)]
    assert [text is None for text in made] == [len(text.rstrip(".").split()) < 4 for text in kept]
    for before, after in zip(kept, made, strict=True):
        if after is not None:
            left = iter(after.split())
            assert len(after) > len(before)
            assert all(word in left for word in before.split())
